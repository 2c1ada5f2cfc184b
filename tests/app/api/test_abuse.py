"""What nobody sends by accident: odd strings in every path, lengths that lie, a megabyte of prompt."""

import itertools
import json
import re
import socket
from urllib.parse import quote

import httpx
import pytest

from app.main import create_app
from app.settings import Settings

PARAMETER = re.compile(r"{\w+}")
DECLARED = create_app(Settings()).openapi()["paths"]
ROUTES = [(method, path) for path in DECLARED for method in DECLARED[path] if PARAMETER.search(path)]
ROUTES.append(("get", "/files/{key}"))
LONG = 1024
ODD = [
    *(
        "..",
        ".",
        "../..",
        "../../../../etc/passwd",
        "..\\..\\windows",
        "/etc/passwd",
        "//",
        "C:\\",
        "file:///etc/passwd",
    ),
    *("\0", "a\0b", "\n", "\r\nX: y", "\t", "\x1b[2J", "\x7f", "\u202e", "\ufeff", "\u2028", "é", "☃", "\U0001d518"),
    *("a" * LONG, "é" * (LONG // 3), "../" * (LONG // 3), "%", "%zz", "%00", "%2e%2e%2f", "?", "#", ";", " ", "~", "*"),
    *(
        "'",
        '"',
        "|",
        "\\",
        "{}",
        "<script>",
        "' OR 1=1 --",
        "${jndi:ldap://x}",
        "$(id)",
        "{{7*7}}",
        "easel:*",
        "-1",
        "null",
    ),
    *("job_", "job_" + "0" * 34, "JOB_" + "A" * 34, "msg__1", ".git/config", "x/y", "x/", "/x"),
]
DISGUISES = {
    "escaped": lambda text: quote(text, safe=""),
    "escaped twice": lambda text: quote(quote(text, safe=""), safe=""),
    "dots escaped": lambda text: quote(text, safe="").replace(".", "%2e"),
    "in a folder": lambda text: f"images/job_x/{quote(text, safe='')}",
    "in a name": lambda text: f"job_{quote(text, safe='')}.png",
}
NOT_UTF8 = ["%ff", "%c0%ae%c0%ae", "%ed%a0%80", "%c0%af", "%80", "%f8%88%80%80%80", "a%fe", "..%c1%9c"]
PATHS = sorted({disguise(text) for text, disguise in itertools.product(ODD, DISGUISES.values())} | set(NOT_UTF8))
HEAD = "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
FOX = '{"prompt": "a fox"}'


def odd_paths(path):
    """All of them for the first route with a parameter, some of them for others with the same."""
    parameter = PARAMETER.search(path)[0]
    first = next(other for _, other in ROUTES if parameter in other)
    return [path.replace(parameter, odd) for odd in (PATHS if path == first else PATHS[::10])]


def exchange(server, text, *, leave=False):
    """Send text as it is, and leave or wait; return all that comes back."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(text.encode())
        if leave:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_odd_paths_lead_nowhere(server, worker, method, path):
    """Whatever stands for an id, a model or a key, and however it is escaped: 4xx in the form of all errors."""
    assert len(PATHS) >= 200
    paths = odd_paths(path)
    for odd in (paths[start : start + 20] for start in range(0, len(paths), 20)):  # twenty at once, without waiting
        text = "".join(f"{method.upper()} {one} HTTP/1.1\r\nHost: x\r\n\r\n" for one in odd)
        answers = exchange(server, text.removesuffix("\r\n") + "Connection: close\r\n\r\n")
        assert re.findall(r"HTTP/1\.1 (\d)", answers) == ["4"] * len(odd)
        assert answers.count("content-type: application/problem+json") == len(odd)


@pytest.mark.parametrize(
    "framing",
    [
        f"Content-Length: 5\r\n\r\n{FOX}",
        f"Content-Length: 5\r\nContent-Length: {len(FOX)}\r\n\r\n{FOX}",
        f"Content-Length: -1\r\n\r\n{FOX}",
        f"Content-Length: +{len(FOX)}\r\n\r\n{FOX}",
        f"Content-Length: many\r\n\r\n{FOX}",
        f"Content-Length: {'9' * 30}\r\n\r\n{FOX}",
        f"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{len(FOX):x}\r\n{FOX}\r\n0\r\n\r\n",
        f"Transfer-Encoding: chunked, identity\r\n\r\n{len(FOX):x}\r\n{FOX}\r\n0\r\n\r\n",
        f"Transfer-Encoding: chunked\r\n\r\nzz\r\n{FOX}\r\n0\r\n\r\n",
    ],
)
def test_a_length_that_lies_is_refused(server, http, framing):
    """Too short, given twice, no number, both ways at once: 400, no job, and the connection is closed."""
    before = http.get("/v1/jobs").json()["data"]
    assert re.findall(r"HTTP/1\.1 (\d+)", exchange(server, HEAD + framing)) == ["400"]
    assert http.get("/v1/jobs").json()["data"] == before


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/images/edits", "/v1/batches"])
def test_who_leaves_in_the_middle_of_a_body_is_no_bug(server, counted, path, kind):
    """A length that is too long: the client has gone before its body came, and nothing has failed here."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: 1000\r\n\r\n"
    assert "HTTP/1.1 5" not in exchange(server, head + FOX, leave=True)
    assert counted(f'easel_http_request_seconds_count{{route="{path}",method="POST",status="500"}}') == 0


def test_a_megabyte_of_prompt(settings, serve, worker):
    """Read, since a body may be as long, and refused by name, in few words."""
    with serve(settings.model_copy(update={"max_body_bytes": 2_000_000})) as server:
        for path in ("/v1/jobs", "/v1/images/generations"):
            answer = httpx.post(f"{server.url}{path}", json={"prompt": "a fox " * 175_000})
            assert (answer.status_code, answer.json()["param"]) == (400, "prompt")
            assert len(answer.content) < 1000
        line = json.dumps({"prompt": "a fox " * 175_000})
        headers = {"Content-Type": "application/jsonl"}
        answer = httpx.post(f"{server.url}/v1/batches", content=line, headers=headers)
        assert (answer.status_code, answer.json()["param"]) == (400, "requests.0.prompt")
