"""Every wrong request gets its own status, code and field, in the one form, and the service goes on."""

import contextlib
import json
import socket

import httpx
import pytest

JSON = {"Content-Type": "application/json"}
CANARY = "canary-prompt"

BAD_FIELDS = [
    ({"prompt": ""}, "prompt"),
    ({"prompt": " \n\t"}, "prompt"),
    ({"prompt": None}, "prompt"),
    ({"prompt": 3}, "prompt"),
    ({"prompt": ["a fox"]}, "prompt"),
    ({"prompt": "x" * 501}, "prompt"),
    ({"prompt": f"{CANARY}\0"}, "prompt"),
    ({"prompt": f"{CANARY}\ud800"}, "prompt"),
    ({"nonsense": 1}, "nonsense"),
    ({"n": 1}, "n"),
    ({"width": 128}, "height"),
    ({"height": 128}, "width"),
    ({"size": "128x128", "width": 128}, "size"),
    ({"size": "128"}, "size"),
    ({"size": "128X128"}, "size"),
    ({"size": "-1x128"}, "size"),
    ({"size": "\u0661\u0662\u0668x128"}, "size"),
    ({"width": 128.0, "height": 128}, "width"),
    ({"width": True, "height": 128}, "width"),
    ({"width": 128, "height": "128"}, "height"),
    ({"num_images": 0}, "num_images"),
    ({"num_images": 5}, "num_images"),
    ({"num_images": True}, "num_images"),
    ({"seed": -1}, "seed"),
    ({"seed": 2**63}, "seed"),
    ({"seed": 1.0}, "seed"),
    ({"num_inference_steps": 0}, "num_inference_steps"),
    ({"num_inference_steps": 51}, "num_inference_steps"),
    ({"num_inference_steps": 2.5}, "num_inference_steps"),
    ({"guidance_scale": 31}, "guidance_scale"),
    ({"guidance_scale": True}, "guidance_scale"),
    ({"guidance_scale": "7"}, "guidance_scale"),
    ({"output_format": "gif"}, "output_format"),
    ({"output_compression": 50}, "output_compression"),
    ({"output_format": "jpeg", "output_compression": 101}, "output_compression"),
]
UNSUPPORTED = [
    ({"size": "99999x99999"}, "unsupported_size", "size"),
    ({"negative_prompt": "a dog"}, "unsupported_option", "negative_prompt"),
    ({"temperature": 1.0}, "unsupported_option", "temperature"),
    ({"top_k": 5}, "unsupported_option", "top_k"),
    ({"top_p": 0.5}, "unsupported_option", "top_p"),
    ({"truncation_psi": 0.7}, "unsupported_option", "truncation_psi"),
    ({"size": "130x128"}, "unsupported_size", "size"),
    ({"width": 128, "height": 1024}, "unsupported_size", "height"),
]
BAD_BODIES = [
    b"",
    b"{",
    b"[]",
    b'"a fox"',
    b"null",
    b'{"prompt": "a fox",}',
    b'{"prompt": "a fox", "guidance_scale": NaN}',
    b'{"prompt": "a fox", "guidance_scale": -Infinity}',
    b'{"prompt": "a fox", "guidance_scale": 1e999}',
    b'{"prompt": "a fox", "seed": ' + b"9" * 5000 + b"}",
    b'{"prompt": ' + b"[" * 9000,
    b'{"prompt": "\xff"}',
    b'{"\\ud800": 1, "prompt": "a fox"}',
    '\ufeff{"prompt": "a fox"}'.encode(),
    '{"prompt": "a fox"}'.encode("utf-16"),
]


def check(response, status, code, param=None):
    """Check an error's form, in both of its dialects, and that nothing was let out."""
    problem = response.json()
    assert (response.status_code, problem["code"], problem["param"]) == (status, code, param), problem
    assert response.headers["content-type"] == "application/problem+json"
    assert (problem["status"], problem["request_id"]) == (status, response.headers["x-request-id"])
    error = problem["error"]
    assert (error["message"], error["param"], error["code"]) == (problem["detail"], param, code)
    assert problem["title"]
    assert CANARY not in response.text
    assert "Traceback" not in response.text


@pytest.mark.parametrize(("fields", "param"), BAD_FIELDS)
def test_a_bad_field_is_named(http, fields, param):
    """A value that is wrong for every model, or beyond this one's bounds, is a 400 with the field's name."""
    body = json.dumps({"prompt": "a fox"} | fields)
    check(http.post("/v1/jobs", content=body, headers=JSON), 400, "invalid_request", param)


@pytest.mark.parametrize(("fields", "code", "param"), UNSUPPORTED)
def test_what_the_model_cannot_do_is_named(http, fields, code, param):
    """An option or size that the model cannot honour is refused, not ignored or rounded."""
    check(http.post("/v1/jobs", json={"prompt": "a fox"} | fields), 400, code, param)


@pytest.mark.parametrize("body", BAD_BODIES)
def test_a_bad_body_is_refused(http, body):
    """What is no JSON object in UTF-8 with finite numbers has no field to name."""
    check(http.post("/v1/jobs", content=body, headers=JSON), 400, "invalid_request")


def test_a_field_given_twice_is_refused(http):
    """Which of the two was meant, nobody can know."""
    body = f'{{"prompt": "{CANARY}", "prompt": "a fox"}}'
    check(http.post("/v1/jobs", content=body, headers=JSON), 400, "invalid_request", "prompt")


@pytest.mark.parametrize("model", ["no-such-model", "../card", "\u202ecard"])
def test_an_unknown_model_is_named(http, model):
    """A model that is neither listed nor an alias."""
    check(http.post("/v1/jobs", json={"prompt": "a fox", "model": model}), 404, "model_not_found", "model")


def test_a_model_that_nobody_has_announced_is_not_ready(http):
    """Its limits are not known yet: try again later."""
    response = http.post("/v1/jobs", json={"prompt": "a fox", "model": "absent"})
    check(response, 503, "model_not_ready", "model")
    assert 1 <= int(response.headers["retry-after"]) <= 120


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_only_plain_json_is_read(http, headers):
    """A body that is announced as something else is not guessed at."""
    check(http.post("/v1/jobs", content=b'{"prompt": "a fox"}', headers=headers), 415, "unsupported_media_type")


def test_a_large_body_is_refused(http):
    """A body beyond the limit is refused, whether its length is announced or not."""
    body = json.dumps({"prompt": "x" * 20_000}).encode()
    check(http.post("/v1/jobs", content=body, headers=JSON), 413, "payload_too_large")
    check(http.post("/v1/jobs", content=iter([body[:9000], body[9000:]]), headers=JSON), 413, "payload_too_large")


def test_a_large_body_is_refused_before_it_is_read(server):
    """The announced length is enough for the answer."""
    head = "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(head.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_is_still_sending_hears_the_refusal(server):
    """A connection that is closed on what is under way is reset, and the rest of the answer lost with it."""
    head = "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(head.encode() + b"x" * 1_000_000)
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_endless_chunks_are_cut_off(http):
    """A client that never stops sending is answered all the same."""

    def endless():
        while True:
            yield b"x" * 10_000

    with contextlib.suppress(httpx.WriteError, httpx.ReadError):  # the server may close before it is read
        check(http.post("/v1/jobs", content=endless(), headers=JSON), 413, "payload_too_large")
    assert http.get("/healthz").status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "schlüssel".encode("latin-1")])
def test_a_bad_idempotency_key_is_refused(http, key):
    """A key is 1 to 255 visible ASCII characters."""
    headers = {"Idempotency-Key": key}
    check(http.post("/v1/jobs", json={"prompt": "a fox"}, headers=headers), 400, "invalid_request", "idempotency_key")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        *(("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("limit=1&limit=2000", "limit")),
        *(("status=done", "status"), ("page=2", "page"), ("cursor=%00", "cursor"), ("cursor=" + "x" * 65, "cursor")),
    ],
)
def test_a_bad_query_is_refused(http, query, param):
    """A query is held to the same rules as a body."""
    check(http.get(f"/v1/jobs?{query}"), 400, "invalid_request", param)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1/jobs/", 404, "not_found"),
        ("GET", "/v1/none", 404, "not_found"),
        ("GET", "/v1/models/none", 404, "model_not_found"),
        ("PUT", "/v1/jobs", 405, "method_not_allowed"),
        ("PATCH", "/v1/jobs/job_1", 405, "method_not_allowed"),
        ("GET", "/v1/images/generations", 405, "method_not_allowed"),
        ("TRACE", "/healthz", 405, "method_not_allowed"),
    ],
)
def test_wrong_addresses_and_methods(http, method, path, status, code):
    """The framework's own refusals have the same form as ours."""
    response = http.request(method, path)
    check(response, status, code, "model" if code == "model_not_found" else None)
    assert ("allow" in response.headers) == (status == 405)


def test_all_methods_of_an_address_are_allowed(http):
    """The refusal of one method names every other."""
    assert http.options("/v1/jobs").headers["allow"] == "POST, GET"
    assert http.put("/v1/jobs/job_1").headers["allow"] == "GET, DELETE"
    assert http.post("/docs").headers["allow"] == "GET"


def test_refusals_are_counted_by_code(http, counted):
    """An operator sees what clients get wrong; a bad query is no submission."""
    http.post("/v1/jobs", json={"prompt": ""})
    http.post("/v1/jobs", json={"prompt": "a fox", "top_k": 1})
    http.post("/v1/jobs", content=b"x")
    http.get("/v1/jobs?limit=0")
    for code in ("invalid_request", "unsupported_option", "unsupported_media_type"):
        assert counted(f'easel_jobs_refused_total{{code="{code}"}}') == 1
