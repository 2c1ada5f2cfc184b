"""The Kubernetes files, built by kustomize and held against the schemas, the settings, the metrics and the images."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from app.settings import Settings
from tests.docker.test_monitoring import known_series
from tests.linters import ROOT, complaints, tool

FILES = ROOT / "docker" / "kubernetes"
OVERLAYS = ("cpu", "nvidia")
SERVER_VERSION = "1.34"
OPERATORS = ("@kubernetes-models/keda@2.0.0", "@kubernetes-models/prometheus-operator@6.0.0")
OPERATORS_KINDS = ("ScaledObject", "ServiceMonitor", "PodMonitor")


@pytest.fixture(params=OVERLAYS)
def resources(request):
    """Build an overlay as the cluster would get it."""
    if shutil.which("kubectl"):
        command = ["kubectl", "kustomize"]
    elif shutil.which("kustomize"):
        command = ["kustomize", "build"]
    else:
        pytest.skip("neither kubectl nor kustomize is installed")
    done = subprocess.run([*command, FILES / "overlays" / request.param], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


def one(resources, kind, name):
    """Find a resource."""
    (found,) = [each for each in resources if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def container(resources, name):
    """Find the only container of a deployment."""
    (found,) = one(resources, "Deployment", name)["spec"]["template"]["spec"]["containers"]
    return found


def test_resources_keep_to_the_schema(resources, tmp_path):
    """Every resource of Kubernetes itself passes its schema, in which no unknown key is allowed."""
    own = [each for each in resources if each["kind"] not in OPERATORS_KINDS]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(own))
    options = ["--strict", "-k", SERVER_VERSION, "--quiet"]
    assert complaints(tool("kubernetes-validate"), *options, tmp_path / "all.yaml") == ""


def prometheus_rule():
    """Make the resource that docs/operate.md makes of the rules."""
    command = re.search(r"`(\{ printf .*?; \}) \| kubectl apply", (ROOT / "docs" / "operate.md").read_text())[1]
    return yaml.safe_load(subprocess.check_output(["bash", "-c", command], cwd=ROOT, text=True))


@pytest.mark.timeout(300)
def test_custom_resources_keep_to_the_schema(resources, tmp_path):
    """KEDA's and the Prometheus operator's resources, the rules among them, pass the schemas of their definitions."""
    if not os.environ.get("CI") or shutil.which("npm") is None:
        pytest.skip("fetches two npm packages; set CI=1 to run it, with npm installed")
    subprocess.run(["npm", "install", "--silent", "--no-audit", *OPERATORS], cwd=tmp_path, check=True)
    shutil.copy(Path(__file__).with_name("custom_resources.mjs"), tmp_path)
    own = json.dumps([prometheus_rule(), *(each for each in resources if each["kind"] in OPERATORS_KINDS)])
    command = ["node", "custom_resources.mjs"]
    done = subprocess.run(command, cwd=tmp_path, input=own, capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_settings_are_known_and_valid(resources, monkeypatch):
    """Each variable is a setting or names a setting's file, and together they make valid settings."""
    (config,) = [each for each in resources if each["kind"] == "ConfigMap"]
    known = {f"EASEL_{name}".upper() for name in Settings.model_fields}
    for name in ("gateway", "worker"):
        variables = {each["name"].removesuffix("_FILE") for each in container(resources, name)["env"]}
        assert variables <= known
    for name, value in config["data"].items():
        assert name in known
        monkeypatch.setenv(name, value)
    assert Settings().storage == "s3"


@pytest.mark.parametrize("name", ["gateway", "worker"])
def test_secrets_come_as_files(resources, name):
    """No secret stands in the environment, where every process of the pod would show it."""
    values = {each["name"]: each["value"] for each in container(resources, name)["env"]}
    secret = {"EASEL_REDIS_URL", "EASEL_S3_ACCESS_KEY_ID", "EASEL_S3_SECRET_ACCESS_KEY"}
    assert {f"{each}_FILE" for each in secret} <= set(values)
    assert not secret & set(values)


@pytest.mark.parametrize("name", ["gateway", "worker"])
def test_pods_may_do_little(resources, name):
    """What the namespace enforces: no root, no capabilities, nothing written but `/tmp`."""
    pod = one(resources, "Deployment", name)["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    limits = container(resources, name)["securityContext"]
    assert limits["readOnlyRootFilesystem"]
    assert limits["capabilities"] == {"drop": ["ALL"]}


def test_workers_may_drain(resources):
    """A pod is given longer to stop than a worker takes to finish its batch."""
    pod = one(resources, "Deployment", "worker")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > Settings.model_fields["drain_seconds"].default


def test_no_replicas_are_fixed(resources):
    """A fixed number would be set anew at every deployment, against the autoscaler."""
    assert [each for each in resources if "replicas" in each.get("spec", {})] == []


def test_one_gpu_for_each_worker(resources):
    """A worker asks for one GPU or none, and runs on what it asks for."""
    asked = container(resources, "worker")["resources"]["requests"]
    device = {each["name"]: each["value"] for each in container(resources, "worker")["env"]}["EASEL_DEVICE"]
    assert asked.get("nvidia.com/gpu", 0) == (1 if device == "cuda" else 0)


def triggers(resources):
    """Read by what the workers are scaled: queries by name."""
    scaled = one(resources, "ScaledObject", "worker")
    return {each["name"]: each["metadata"]["query"] for each in scaled["spec"]["triggers"]}


def test_scaling_asks_for_metrics_that_exist(resources):
    """Each series in the autoscaler's queries is one that the service or a recording rule makes."""
    for query in triggers(resources).values():
        assert set(re.findall(r"easel[\w:]+", query)) <= known_series()


@pytest.mark.parametrize(
    ("series", "backlog", "anything"),
    [
        ({}, 0, 0),  # Prometheus knows nothing yet
        ({"easel_queue_jobs": "0x40", "easel_workers": "0x40"}, 0, 0),
        ({"easel_queue_jobs": "5x40", "easel_workers": "0x40"}, 0, 1),  # asleep, and somebody came
        ({"easel_queue_jobs": "120x40", "easel_workers": "2x40", "done": "0+30x40"}, 120, 1),  # 60 s for two
    ],
)
def test_workers_follow_the_backlog(resources, tmp_path, series, backlog, anything):
    """Asleep, any job asks for the first worker; awake, the seconds of work that wait set their number."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (sh tests/install_system_packages.sh)")
    finished = 'easel_jobs_finished_total{model="m", outcome="succeeded", cause=""}'
    inputs = [
        {"series": finished if name == "done" else f'{name}{{model="m"}}', "values": values}
        for name, values in series.items()
    ]
    queries = triggers(resources)
    expected = {"backlog": backlog, "anything": anything}
    checks = [
        {"expr": queries[name], "eval_time": "8m", "exp_samples": [{"labels": "{}", "value": value}]}
        for name, value in expected.items()
    ]
    test = {"interval": "15s", "input_series": inputs, "promql_expr_test": checks}
    rules = str(ROOT / "docker" / "prometheus" / "rules.yml")
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"rule_files": [rules], "tests": [test]}))
    assert complaints("promtool", "test", "rules", tmp_path / "test.yml") == ""
