"""Prometheus' configuration, rules and alerts, and the dashboard, held against the metrics that exist."""

import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.metrics_sample import all_families

ROOT = Path(__file__).parent.parent.parent
PROMETHEUS = ROOT / "docker" / "prometheus"
DASHBOARD = json.loads((ROOT / "docker" / "grafana" / "dashboards" / "easel.json").read_text())
RULES = [rule for group in yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"] for rule in group["rules"]]
ALERTS = [rule["alert"] for rule in RULES if "alert" in rule]
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


@pytest.fixture
def promtool():
    """Run promtool in the folder of the configuration."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (sh tests/install_system_packages.sh)")

    def run(*arguments):
        done = subprocess.run(["promtool", *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def known_series():
    """Name every series that can be asked for: of families, of histograms' parts, of recording rules."""
    names = set()
    for name, family in all_families().items():
        names |= {name} if family.type != "histogram" else {f"{name}_{part}" for part in ("bucket", "sum", "count")}
    return names | {rule["record"] for rule in RULES if "record" in rule}


def test_configuration_is_valid(promtool):
    """Promtool accepts the configuration and the rules that it names."""
    promtool("check", "config", "--syntax-only", "prometheus.yml")  # it would look for the operators' key
    promtool("check", "rules", "rules.yml")


def test_alerts_fire_when_they_should(promtool):
    """Each alert fires on its fault, and none fires on a healthy service."""
    promtool("test", "rules", "rules_test.yml")


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_is_tested(alert):
    """An alert without a test that fires it is a guess."""
    tests = yaml.safe_load((PROMETHEUS / "rules_test.yml").read_text())["tests"]
    fired = [case for test in tests for case in test.get("alert_rule_test", ()) if case.get("exp_alerts")]
    assert alert in {case["alertname"] for case in fired}


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_has_its_paragraph(alert):
    """Whoever is woken finds what to do."""
    assert f"\n### {alert}\n" in (ROOT / "docs" / "operate.md").read_text()


@pytest.mark.parametrize("query", [*QUERIES, *(rule["expr"] for rule in RULES)])
def test_queries_name_metrics_that_exist(query):
    """A panel or a rule never asks for a series that nobody writes."""
    assert set(re.findall(r"\beasel[_:][\w:]+", query)) <= known_series()


def test_queries_can_be_parsed(promtool, tmp_path):
    """Promtool reads every query of the dashboard."""
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "5m").replace("$model", ".*")}
        for number, query in enumerate(QUERIES)
    ]
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", "--lint=none", str(path))


def test_dashboard_is_what_its_script_writes():
    """The JSON is never edited by hand."""
    script = runpy.run_path(str(ROOT / "docker" / "grafana" / "make_dashboard.py"))
    assert script["dashboard"]() == DASHBOARD


@pytest.mark.parametrize("name", all_families())
def test_each_metric_is_looked_at(name):
    """A metric that no panel and no rule shows is documented for its own sake, or should not exist."""
    shown = " ".join([*QUERIES, *(rule["expr"] for rule in RULES)])
    unshown = {"easel_build_info", "easel_pixels_total", "easel_admissions_total"}
    assert (name in shown) != (name in unshown)
