"""What operators ask (alive, ready, measured), and what becomes of the gateway when what it needs is away."""

import shutil
import socket

import httpx
import pytest

ONE_MODEL = 'default = "card"\n[models.card]\nfamily = "testcard"\n'


@pytest.fixture
def one_model(settings, tmp_path):
    """Settings for a gateway whose only model has a worker."""
    (tmp_path / "models.toml").write_text(ONE_MODEL)
    return settings.model_copy(update={"models_file": tmp_path / "models.toml", "data_dir": tmp_path})


def test_health(http):
    """The process answers."""
    assert http.get("/healthz").json() == {"status": "ok"}


def test_a_model_without_worker_is_not_ready(http):
    """Readiness needs a live worker for each model, and says which one lacks it."""
    response = http.get("/readyz")
    ready = response.json()
    assert (response.status_code, ready["status"], "retry-after" in response.headers) == (503, "not_ready", True)
    assert (ready["queue"]["ok"], ready["storage"]["ok"], ready["models"]["card"]["ok"]) == (True, True, True)
    assert ready["models"]["absent"] == {"ok": False, "detail": "no live worker"}


def test_ready_when_all_is_there(one_model, serve, worker):
    """Queue, storage and a worker for each model."""
    with serve(one_model) as server:
        response = httpx.get(f"{server.url}/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "ready")


def test_a_model_that_is_served_but_not_loaded_is_ready(one_model, serve, worker):
    """Its jobs are drawn; how long the next one waits for its loading is told, and estimated."""
    worker.learn("128x64/20", 1.0)
    worker.announce(load_seconds={"card": 7.5})
    with serve(one_model) as server:
        ready = httpx.get(f"{server.url}/readyz").json()
        (model,) = httpx.get(f"{server.url}/v1/models").json()["data"]
        wish = httpx.post(f"{server.url}/v1/jobs?dry_run=true", json={"prompt": "fox"}).json()
    assert (ready["status"], "7.5 s" in ready["models"]["card"]["detail"]) == ("ready", True)
    assert (model["ready"], model["workers"], model["loaded_by"], model["load_seconds"]) == (True, 1, 0, 7.5)
    assert wish["estimate"]["seconds_to_start"]["p50"] == pytest.approx(7.55)


def test_storage_that_is_gone_is_not_ready(one_model, serve, worker):
    """What cannot be stored must not be asked for."""
    with serve(one_model) as server:
        shutil.rmtree(one_model.data_dir / "objects")
        response = httpx.get(f"{server.url}/readyz")
    assert (response.status_code, response.json()["storage"]["ok"]) == (503, False)


@pytest.fixture(params=["refuses", "is silent"])
def away(request, one_model):
    """Settings with a Redis that is not there, or that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silence:
        port = silence.getsockname()[1] if request.param == "is silent" else 1
        yield one_model.model_copy(update={"redis_url": f"redis://127.0.0.1:{port}/0", "redis_timeout_seconds": 0.3})


def test_without_redis_everything_says_so_in_time(away, serve):
    """A gateway starts without Redis; it is alive, not ready, and refuses with a time to come back."""
    with serve(away) as server, httpx.Client(base_url=server.url, timeout=5) as http:
        assert http.get("/healthz").status_code == 200
        assert http.get("/readyz").json()["queue"]["ok"] is False
        assert "easel_queue_up 0.0" in http.get("/metrics").text
        for refused in (
            http.post("/v1/jobs", json={"prompt": "a fox"}),
            http.get("/v1/jobs/x"),
            http.get("/v1/models"),
        ):
            assert (refused.status_code, refused.json()["code"]) == (503, "queue_unavailable")
            assert 1 <= int(refused.headers["retry-after"]) <= 120


def test_the_gateway_comes_back_with_redis(one_model, serve, redis_process, worker):
    """After a restart of Redis nothing else needs one."""
    with serve(one_model) as server, httpx.Client(base_url=server.url, timeout=10) as http:
        job = http.post("/v1/jobs", json={"prompt": "a fox"}).json()
        redis_process.kill()
        assert http.get(f"/v1/jobs/{job['id']}").status_code == 503
        redis_process.start()
        assert http.get(f"/v1/jobs/{job['id']}").json()["status"] == "queued"


def test_a_full_queue_says_when_to_come_back(one_model, serve, worker):
    """Beyond its bound the queue takes nothing more."""
    with serve(one_model.model_copy(update={"max_queue_length": 1})) as server:
        first, second = (httpx.post(f"{server.url}/v1/jobs", json={"prompt": "a fox"}) for _ in range(2))
    assert (first.status_code, second.status_code, second.json()["code"]) == (202, 503, "queue_full")
    assert 1 <= int(second.headers["retry-after"]) <= 120


def test_a_tenant_with_enough_open_jobs_is_told_when_to_come_back(one_model, serve, worker):
    """Beyond the service's bound for one tenant the answer is 429, until one of its jobs has ended."""
    bounded = one_model.model_copy(update={"max_open_jobs": 1})
    with serve(bounded) as server, httpx.Client(base_url=server.url) as http:
        first, refused = (http.post("/v1/jobs", json={"prompt": "a fox"}) for _ in range(2))
        worker.draw()
        again = http.post("/v1/jobs", json={"prompt": "a fox"})
    assert (first.status_code, refused.status_code, again.status_code) == (202, 429, 202)
    assert refused.json()["code"] == "rate_limited"
    assert 1 <= int(refused.headers["retry-after"]) <= 120


def test_metrics_tell_routes_and_backlog(http, counted):
    """Requests are counted by route template, and the queue is read at scrape time."""
    for _ in range(2):
        job = http.post("/v1/jobs", json={"prompt": "a fox"}).json()
    http.get(f"/v1/jobs/{job['id']}")
    http.get("/no/such/address")
    series = 'easel_http_request_seconds_count{method="GET",route="%s",status="%s"}'
    assert counted(series % ("/v1/jobs/{job_id}", 200)) == 1
    assert counted(series % ("unmatched", 404)) == 1
    assert counted('easel_jobs_submitted_total{model="card"}') == 2
    page = http.get("/metrics").text
    assert 'easel_queue_jobs{model="card"} 2.0' in page
    assert 'easel_workers{model="absent"} 0.0' in page


@pytest.mark.parametrize("given", ["my-id_1.2", "", "has space", "x" * 65, "a\tb"])
def test_a_request_id_is_kept_if_it_is_fit_for_a_log(http, given):
    """Every answer has an id; the caller's own is kept, so that logs can be joined."""
    answers = [http.get(path, headers={"X-Request-Id": given}) for path in ("/healthz", "/none")]
    for response in answers:
        assert (response.headers["x-request-id"] == given) == (given == "my-id_1.2")
        assert int(response.headers["openai-processing-ms"]) >= 0
    assert answers[1].json()["request_id"] == answers[1].headers["x-request-id"]


def test_a_signed_link_opens_one_file(http, worker):
    """Key, expiry and signature belong together; anything else is refused."""
    job = http.post("/v1/jobs", json={"prompt": "a fox", "num_images": 2}).json()
    worker.draw()
    one, other = (image["url"] for image in http.get(f"/v1/jobs/{job['id']}").json()["images"])
    assert http.get(one).headers["x-content-type-options"] == "nosniff"
    path, _, query = one.partition("?")
    for bad in (
        *(path, f"{path}?{query[:-1]}", f"{path}?{query}x", f"{other.partition('?')[0]}?{query}"),
        one.replace("expires=", "expires=1"),
        *(
            f"{http.base_url}/files/{name}?{query}"
            for name in ("..%2furl-secret", "%2e%2e/url-secret", "%00", "x" * 999)
        ),
    ):
        refused = http.get(bad)
        assert (refused.status_code, refused.json()["code"]) == (403, "invalid_signature"), bad


def test_a_strange_host_is_no_server_error(http):
    """Links are made from the Host header, whatever it holds."""
    for host in ("", "a b", "[::1", "x:99999999", "{}"):
        response = http.post("/v1/jobs", json={"prompt": "a fox"}, headers={"Host": host})
        assert response.status_code in {202, 400}, (host, response.text)
