"""Requests to addresses that clients name: to the public internet alone, bounded in time and size, never redirected.

A name is resolved once, all its addresses are checked, and the connection goes to one of those, so a name that
leads elsewhere a moment later (DNS rebinding) leads nowhere. Private networks need the operator's explicit leave.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import httpx

from app.errors import UrlNotAllowed, UrlUnreachable

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve: TypeAlias = Callable[[str, int], Sequence[str]]  # host and port to addresses; blocks

LONGEST_URL = 2048  # characters
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0  # between two packets; whoever calls bounds the whole
_RESOLVERS = 8  # threads of their own: a slow name server delays nobody but other names
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NOT_PUBLIC = "must not lead into a network that is not public"
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_PUBLIC_IN_NAME_ONLY = (
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's own services, from inside a machine there
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays
    ipaddress.ip_network("2002::/16"),  # 6to4: an IPv4 address in disguise
)


def check_url(url: str, private_networks: Iterable[IPNetwork] = (), *, param: str) -> None:
    """Refuse at once what will never be allowed; where a name leads is seen when it is connected to.

    Raises:
        UrlNotAllowed: not an absolute http or https URL, or with a user, a fragment or too many characters, or to
            the address of a private network.
    """
    try:
        parsed = httpx.URL(url)
        _check_form(parsed)
        address = _literal_address(_ascii_host(parsed))
    except (httpx.InvalidURL, UrlNotAllowed) as error:
        raise UrlNotAllowed(f"{param}: {error}", param=param) from error
    if address and not is_allowed(address, private_networks):
        raise UrlNotAllowed(f"{param}: {_NOT_PUBLIC}", param=param)


def is_allowed(address: str, private_networks: Iterable[IPNetwork]) -> bool:
    """Whether a connection may go to this address: a public one, or one in a network that the operator has named."""
    found = ipaddress.ip_address(address)
    known = getattr(found, "ipv4_mapped", None) or found
    return any(known in network for network in private_networks) or _is_public(known)


def outbound_client(private_networks: Iterable[IPNetwork] = (), *, resolve: Resolve | None = None) -> httpx.AsyncClient:
    """Make a client for addresses that clients name; no proxy or password of the environment is used.

    Its requests raise `UrlNotAllowed`, beside httpx's own errors.
    """
    return httpx.AsyncClient(
        transport=GuardedTransport(private_networks, resolve=resolve or addresses_of),
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
    )


def addresses_of(host: str, port: int) -> list[str]:
    """Ask the system for all addresses of a name, the best first.

    Raises:
        OSError: there are none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedTransport(httpx.AsyncBaseTransport):
    """Connects to checked addresses only; each request has a connection of its own."""

    def __init__(self, private_networks: Iterable[IPNetwork] = (), *, resolve: Resolve = addresses_of) -> None:
        self._private_networks = tuple(private_networks)
        self._resolve = resolve
        self._resolvers = ThreadPoolExecutor(_RESOLVERS, "resolve")
        # A kept connection to an address would be reused for another name, whose certificate nobody had seen.
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0), trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the first of the host's addresses that answers.

        Raises:
            UrlNotAllowed: the URL, or any address of its host, is not allowed.
            httpx.TransportError: nobody answers.
        """
        _check_form(request.url)
        failure = httpx.ConnectError("the name has no address")
        for address in await self._addresses(request.url):
            try:
                return await self._inner.handle_async_request(_aimed_at(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = httpx.ConnectError(str(error))
        raise failure

    async def aclose(self) -> None:
        """Close all connections."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)
        await self._inner.aclose()

    async def _addresses(self, url: httpx.URL) -> Sequence[str]:
        port = url.port or _DEFAULT_PORTS[url.scheme]
        resolving = asyncio.get_running_loop().run_in_executor(self._resolvers, self._resolve, _ascii_host(url), port)
        try:
            addresses = await asyncio.wait_for(resolving, CONNECT_SECONDS)
        except (OSError, UnicodeError) as error:  # TimeoutError is an OSError
            raise httpx.ConnectError("the name cannot be resolved") from error
        if not all(is_allowed(address, self._private_networks) for address in addresses):
            raise UrlNotAllowed(_NOT_PUBLIC)
        return addresses


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address holds."""

    content_type: str
    data: bytes


async def fetch(client: httpx.AsyncClient, url: str, *, param: str, max_bytes: int, seconds: float) -> Fetched:
    """Download what a client's URL leads to.

    Raises:
        UrlNotAllowed: it leads where this service does not go; `param` names the field.
        UrlUnreachable: it gave no answer of 200 and of at most `max_bytes` within `seconds`.
    """
    try:
        async with asyncio.timeout(seconds), client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as got:
            if got.status_code != httpx.codes.OK:
                raise UrlUnreachable(f"{param}: the address answered {got.status_code}, not 200", param=param)
            data = await _read(got, max_bytes, param)
            return Fetched(got.headers.get("content-type", ""), data)
    except (httpx.InvalidURL, UrlNotAllowed) as error:
        raise UrlNotAllowed(f"{param}: {error}", param=param) from error
    except TimeoutError as error:
        raise UrlUnreachable(f"{param}: the address took longer than {seconds:g} s", param=param) from error
    except httpx.TransportError as error:
        raise UrlUnreachable(f"{param}: the address cannot be reached", param=param) from error


async def _read(response: httpx.Response, max_bytes: int, param: str) -> bytes:
    """Read a body as it comes; one that unpacks to more than was sent is not unpacked."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise UrlUnreachable(f"{param}: the address sends a compressed body, which was not asked for", param=param)
    data = bytearray()
    async for chunk in response.aiter_raw():
        data += chunk
        if len(data) > max_bytes:
            raise UrlUnreachable(f"{param}: the address holds more than {max_bytes} bytes", param=param)
    return bytes(data)


def _check_form(url: httpx.URL) -> None:
    if url.scheme not in _DEFAULT_PORTS or not url.host:
        raise UrlNotAllowed("must be an absolute http or https URL")
    if url.userinfo or url.fragment:
        raise UrlNotAllowed("must be a URL without user, password and fragment")
    if len(str(url)) > LONGEST_URL:
        raise UrlNotAllowed(f"must have at most {LONGEST_URL} characters")


def _literal_address(host: str) -> str | None:
    """Read a host that is an address, also in the forms that only C libraries know, such as 0x7f.1; None for names."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def _aimed_at(request: httpx.Request, address: str) -> httpx.Request:
    """Send the request to this address, while host name and certificate stay those of the URL."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions=request.extensions | {"sni_hostname": _ascii_host(request.url)},
    )


def _ascii_host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii")


def _is_public(address: IPAddress) -> bool:
    if any(address in network for network in _PUBLIC_IN_NAME_ONLY):
        return False
    if address.version == 6 and address not in _GLOBAL_UNICAST:  # NAT64, translated and mapped IPv4 among others
        return False
    return address.is_global and not address.is_multicast
