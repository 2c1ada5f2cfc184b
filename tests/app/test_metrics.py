"""The gateway's metrics page, alone and over several processes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.metrics import SHARED_FOLDER_VARIABLE, GatewayMetrics, new_registry
from tests.metrics_sample import BACKLOG, all_families, families, used_gateway_metrics, used_worker_metrics, value

ROOT = Path(__file__).parent.parent.parent
DOCUMENTED = (ROOT / "docs" / "metrics.md").read_text().splitlines()


def test_page_shows_the_queue_as_it_is():
    """Depth, age and workers are those of the scrape."""
    page = used_gateway_metrics().render(BACKLOG)
    assert value(page, "easel_queue_up") == 1
    assert value(page, "easel_queue_jobs", model="testcard") == 3
    assert value(page, "easel_queue_oldest_job_age_seconds", model="testcard") == 1.5
    assert value(page, "easel_workers", model="testcard") == 2


def test_page_is_served_without_redis():
    """A queue that does not answer is shown as down, not as empty."""
    page = used_gateway_metrics().render(None)
    assert value(page, "easel_queue_up") == 0
    assert families(page)["easel_queue_jobs"].samples == []


def test_two_scrapes_count_once():
    """Rendering changes nothing."""
    metrics = used_gateway_metrics()
    assert metrics.render(BACKLOG) == metrics.render(BACKLOG)


def test_methods_are_few():
    """A caller who invents methods makes one label value."""
    metrics = GatewayMetrics(new_registry())
    for number in range(50):
        metrics.http_request(route="unmatched", method=f"X{number}", status=405, seconds=0.001)
    assert value(metrics.render({}), "easel_http_request_seconds_count", method="other") == 50


@pytest.mark.parametrize("page", [used_gateway_metrics().render(BACKLOG), used_worker_metrics().render()])
def test_promtool_finds_nothing_to_mend(page):
    """Prometheus' own linter accepts names, units and help texts."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (sh tests/install_system_packages.sh)")
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def row(name, family):
    """Give the line of the table for this family."""
    labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
    return f"| `{name}` | {family.type} | {', '.join(f'`{label}`' for label in labels)} | {family.documentation} |"


@pytest.mark.parametrize(("name", "family"), all_families().items())
def test_each_metric_is_documented(name, family):
    """The table holds every family with its type, its labels and its help text."""
    assert family.samples, "add it to tests/metrics_sample.py"
    assert row(name, family) in DOCUMENTED


def test_no_metric_is_documented_that_does_not_exist():
    """The table holds nothing else."""
    assert sum(line.startswith("| `easel_") for line in DOCUMENTED) == len(all_families())


def run(folder, code):
    """Run the code in a process of its own that shares its numbers through the folder."""
    environment = os.environ | {SHARED_FOLDER_VARIABLE: str(folder)}
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)


@pytest.fixture(scope="module")
def shared_page(tmp_path_factory):
    """Scrape a gateway beside which two workers have run and ended."""
    folder = tmp_path_factory.mktemp("metrics")
    worker = "from tests.metrics_sample import *; used_worker_metrics()"
    for _ in range(2):
        run(folder, worker)
    gateway = "print(used_gateway_metrics().render(BACKLOG).decode())"
    return run(folder, f"from tests.metrics_sample import *; {gateway}").stdout


def test_one_scrape_shows_all_processes(shared_page):
    """With a shared folder the gateway's page adds up what every process counted."""
    assert value(shared_page, "easel_jobs_submitted_total", model="testcard") == 1
    assert value(shared_page, "easel_images_total", model="testcard") == 2
    assert value(shared_page, "easel_batch_size_images_sum", model="testcard") == 8
    assert value(shared_page, "easel_jobs_finished_total", outcome="canceled") == 1
    assert value(shared_page, "easel_jobs_finished_total", outcome="failed") == 2


def test_dead_processes_occupy_nothing(shared_page):
    """What an ended worker counted stays; the memory it held is not shown any more."""
    assert "easel_job_seconds" in families(shared_page)
    assert "easel_model_memory_bytes" not in families(shared_page)
