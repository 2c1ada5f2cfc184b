"""SIGHUP: the list of models is read again by everybody, while the service goes on."""

import signal
import time

import httpx
import pytest

OLD = """
default = "card"
[models.card]
family = "testcard"
[models.slow]
family = "testcard"
seconds_per_batch = 2.0
max_batch_size = 1
"""
NEW = """
default = "fresh"
[models.card]
family = "testcard"
[models.fresh]
family = "testcard"
seconds_per_batch = 0.1
"""
BROKEN = NEW + "speed = 1\n"


class Service:
    """A running service whose list of models a test rewrites."""

    def __init__(self, easel, folder):
        self._models = folder / "models.toml"
        self._models.write_text(OLD)
        self.process = easel(folder / "data", "--models", self._models)
        self.http = httpx.Client(base_url=self.process.url(), timeout=40)

    def reload(self, text):
        self._models.write_text(text)
        self.process.process.send_signal(signal.SIGHUP)

    def submit(self, model):
        return self.http.post("/v1/jobs", json={"prompt": "a fox", "model": model})

    def ended(self, job):
        return self.http.get(f"/v1/jobs/{job['id']}", headers={"Prefer": "wait=30"}).json()

    def until_running(self, job):
        while self.http.get(f"/v1/jobs/{job['id']}").json()["status"] == "queued":
            time.sleep(0.02)

    def until_ready(self, *models):
        self.until(
            lambda: {one["id"] for one in self.http.get("/v1/models").json()["data"] if one["ready"]} == {*models}
        )

    def until_logged(self, event, times):
        self.until(lambda: self.process.output.read_text().count(event) >= times)

    def until(self, condition):
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, self.process.output.read_text()
            time.sleep(0.05)


@pytest.fixture
def service(easel, folder):
    service = Service(easel, folder)
    yield service
    service.http.close()


def test_models_come_and_go(service):
    """A new one is drawn with, one that is gone is refused, what ran is finished, and what waited for it fails."""
    running = service.submit("slow").json()
    service.until_running(running)
    waiting = service.submit("slow").json()
    service.reload(NEW)
    service.until_ready("card", "fresh")
    assert service.ended(running)["status"] == "succeeded"
    lost = service.ended(waiting)
    assert (lost["status"], lost["error"]["code"]) == ("failed", "model_removed")
    refused = service.submit("slow")
    assert (refused.status_code, refused.json()["code"]) == (404, "model_not_found")
    job = service.submit(None).json()
    assert (job["model"], service.ended(job)["status"]) == ("fresh", "succeeded")
    assert service.http.get("/readyz").is_success


def test_a_broken_list_changes_nothing(service):
    """Gateway and worker say what is wrong and where, and go on with what they have."""
    line = BROKEN.splitlines().index("speed = 1") + 1
    service.reload(BROKEN)
    service.until_logged(f"models.toml:{line}: [models.fresh] speed: unknown key", times=2)
    service.until_ready("card", "slow")
    assert service.ended(service.submit("card").json())["status"] == "succeeded"
    service.reload(OLD)
    service.until_logged("catalog_read", times=2)
