"""Where requests to addresses of clients may go, and how much they may take."""

import contextlib
import gzip
import http.server
import ipaddress
import threading
import time

import httpx
import pytest

from app.errors import UrlNotAllowed, UrlUnreachable
from app.outbound import addresses_of, check_url, fetch, is_allowed, outbound_client

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
NAMES = {
    "inside.example": ["10.1.2.3"],
    "metadata.example": ["169.254.169.254"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "mixed.example": ["93.184.215.14", "127.0.0.1"],
    "sixes.example": ["2606:4700::1111", "fd00::1"],
    "nowhere.example": [],
}
FORBIDDEN_HOSTS = [
    *("127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "0", "0.0.0.0", "0.1.2.3", "localhost", "localhost."),  # noqa: S104
    *("2130706433", "017700000001", "0177.0.0.1", "0x7f000001", "0x7f.1", "0x7f.0.0.1", "127.0x0.0.1"),
    *("127。0。0。1", "127.0.0.1.", "10.0.0.1", "10.255.255.255", "167772161", "172.16.0.1", "172.31.255.255"),
    *("192.168.0.1", "192.168.255.255", "0xc0a80001", "100.64.0.1", "169.254.169.254", "0xa9fea9fe", "2852039166"),
    *("169.254.170.2", "168.63.129.16", "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
    *("[0:0:0:0:0:ffff:a9fe:a9fe]", "[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::a00:1]"),
    *("[2002:7f00:1::]", "[2001:0:7f00:1::]", "[2001:db8::1]", "[100::1]", "[fc00::1]", "[fd00:ec2::254]"),
    *("[fe80::1]", "[fec0::1]", "[ff02::1]", "[5f00::1]", *NAMES),
]
UNRESOLVABLE = {"nowhere.example", "127.0.0.1.", "localhost."}  # to some systems, and so nowhere at all
FORBIDDEN_FORMS = [
    *("file:///etc/passwd", "ftp://example.com/", "gopher://example.com:70/", "//example.com/", "/etc/passwd", ""),
    *("http://", "http:///x", "http://user:pw@example.com/", "http://user@example.com/", "javascript:alert(1)"),
    *("http://example.com/#@127.0.0.1/", "http://①②⑦.⓪.⓪.①/", "http://[::1", "http://example.com/\x00"),
    *("data:text/plain,x", "unix:///run/docker.sock", "http://example.com/" + "x" * 2048, "http://a:b:c/"),
]


def resolve(host, port):
    """Know the names of these tests, and what the system can tell without a network."""
    return NAMES[host] if host in NAMES else addresses_of(host, port)


class Server(http.server.ThreadingHTTPServer):
    """A neighbour that nobody outside should reach; it counts who does."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.hosts = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """Say nothing of clients that leave early."""


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers as the path says."""

    def do_GET(self):
        self.server.hosts.append(self.headers["Host"])
        getattr(self, self.path[1:])()

    def ok(self):
        self.reply(200, b"a picture", ("Content-Type", "image/png"))

    def missing(self):
        self.reply(404, b"")

    def elsewhere(self):
        self.reply(302, b"", ("Location", "/ok"))

    def large(self):
        self.reply(200, b"x" * 1001)

    def packed(self):
        self.reply(200, gzip.compress(b"0" * 10_000_000), ("Content-Encoding", "gzip"))

    def endless(self):
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(b"x" * 100)
            time.sleep(0.001)

    def dripping(self):
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(b"x")
            time.sleep(0.05)

    def silent(self):
        time.sleep(0.6)

    def reset(self):
        self.connection.close()

    def reply(self, status, body, *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def neighbour():
    """A server on loopback."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_there_are_many_targets():
    """As many as a careful attacker tries."""
    assert len({*FORBIDDEN_HOSTS, *FORBIDDEN_FORMS}) >= 60


@pytest.mark.parametrize("host", FORBIDDEN_HOSTS)
async def test_private_addresses_are_not_connected_to(neighbour, host):
    """Whatever a private address is disguised as, no connection is made."""
    before = len(neighbour.hosts)
    async with outbound_client(resolve=resolve) as client:
        with pytest.raises((UrlNotAllowed, UrlUnreachable)) as refused:
            await fetch(client, f"http://{host}:{neighbour.server_port}/ok", param="image", max_bytes=1000, seconds=5)
    assert len(neighbour.hosts) == before
    assert refused.type is UrlNotAllowed or host in UNRESOLVABLE


@pytest.mark.parametrize("url", FORBIDDEN_FORMS)
async def test_other_forms_are_refused(url):
    """Only plain http and https URLs are taken, at submission and at connection."""
    with pytest.raises(UrlNotAllowed) as refused:
        check_url(url, param="webhook")
    assert refused.value.param == "webhook"
    async with outbound_client(resolve=resolve) as client:
        with pytest.raises(UrlNotAllowed):
            await fetch(client, url, param="image", max_bytes=10, seconds=1)


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254"])
def test_private_addresses_are_refused_at_submission(host):
    """An address that needs no name server is refused at once, unless the operator allows its network."""
    with pytest.raises(UrlNotAllowed):
        check_url(f"https://{host}/hook", param="webhook")
    check_url(
        f"https://{host}/hook", [ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")], param="webhook"
    )


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_allowed(address):
    """The internet is open."""
    assert is_allowed(address, ())


@pytest.mark.parametrize(("address", "allowed"), [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("10.2.0.1", False)])
def test_private_networks_need_leave(address, allowed):
    """What the operator has named is open too, and nothing beside it."""
    assert is_allowed(address, [ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8")]) is allowed


async def test_a_name_is_resolved_once(neighbour):
    """A name that leads elsewhere a moment later (DNS rebinding) is connected to where it was checked."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    async with outbound_client(LOOPBACK, resolve=lambda *_: next(answers)) as client:
        response = await client.get(f"http://rebinding.example:{neighbour.server_port}/ok")
        assert response.text == "a picture"
        assert neighbour.hosts[-1] == f"rebinding.example:{neighbour.server_port}"
        with pytest.raises(UrlNotAllowed):  # the next connection is checked anew
            await client.get(f"http://rebinding.example:{neighbour.server_port}/ok")


async def test_the_next_address_is_tried(neighbour):
    """A host that is not reached under its first address may be under its second."""
    async with outbound_client(LOOPBACK, resolve=lambda *_: ["127.0.0.2", "127.0.0.1"]) as client:
        response = await client.get(f"http://two.example:{neighbour.server_port}/ok")
    assert response.status_code == 200


async def test_the_environment_names_no_proxy(neighbour, monkeypatch):
    """A proxy would connect without the guard."""
    monkeypatch.setenv("HTTP_PROXY", neighbour.url)
    monkeypatch.setenv("ALL_PROXY", neighbour.url)
    async with outbound_client() as client:
        with pytest.raises(UrlNotAllowed):
            await client.get("http://10.0.0.1/ok")


async def test_a_download(neighbour):
    """A URL that is allowed and answers gives its bytes and their announced type."""
    async with outbound_client(LOOPBACK) as client:
        got = await fetch(client, f"{neighbour.url}/ok", param="image", max_bytes=1000, seconds=5)
    assert (got.content_type, got.data) == ("image/png", b"a picture")


@pytest.mark.parametrize("path", ["missing", "elsewhere", "large", "packed", "endless", "dripping", "silent", "reset"])
async def test_a_download_is_bounded(neighbour, path):
    """Whatever a server does, it takes bounded time and memory, and a redirect is not followed."""
    async with outbound_client(LOOPBACK) as client:
        with pytest.raises(UrlUnreachable) as failed:
            await fetch(client, f"{neighbour.url}/{path}", param="image", max_bytes=1000, seconds=0.3)
    assert failed.value.param == "image"


async def test_a_slow_name_server_is_not_waited_for(monkeypatch):
    """Resolving is bounded too."""
    monkeypatch.setattr("app.outbound.CONNECT_SECONDS", 0.05)
    async with outbound_client(resolve=lambda *_: time.sleep(0.3)) as client:
        with contextlib.suppress(httpx.ConnectError):
            started = time.monotonic()
            await client.get("http://slow.example/")
    assert time.monotonic() - started < 0.3
