"""The one way the service calls somebody else: only whom its settings name, and for no more than a bounded answer.

Nothing that a caller sends may choose an address: a request to one that no setting names is never begun. Redirects are
not followed, proxies of the environment not used.
"""

import asyncio
from typing import Any, Final
from urllib.parse import urlsplit

from app.errors import Unavailable

SECONDS: Final = 3.0
MOST_BYTES: Final = 256 * 1024
OK: Final = 200
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}


class AddressRefused(Exception):
    """No setting names this address."""


class NoAnswer(Unavailable):
    """Another service that is needed for this did not answer."""


class Outgoing:
    """Calls to the origins (scheme, host, port) of the given addresses, and to no others."""

    def __init__(self, named: list[str]) -> None:
        self._origins = frozenset(origin(address) for address in named)

    async def fetch(self, address: str) -> bytes:
        """Return what is there; raises AddressRefused, and NoAnswer for all else that is not a whole, timely answer."""
        if origin(address) not in self._origins:
            raise AddressRefused
        import httpx  # noqa: PLC0415  # few services call anybody, and loading it takes a while

        try:
            async with (
                asyncio.timeout(SECONDS),
                httpx.AsyncClient(timeout=SECONDS, trust_env=False, follow_redirects=False) as client,
                client.stream("GET", address, headers=_HEADERS) as answer,
            ):
                if answer.status_code != OK:
                    raise NoAnswer(f"{urlsplit(address).hostname} answered {answer.status_code}")
                return await _whole(answer)
        except (httpx.HTTPError, TimeoutError) as error:
            raise NoAnswer(f"{urlsplit(address).hostname} did not answer") from error


async def _whole(answer: Any) -> bytes:
    found = bytearray()
    async for piece in answer.aiter_raw():
        found += piece
        if len(found) > MOST_BYTES:
            raise NoAnswer("the answer is too long")
    return bytes(found)


def origin(address: str) -> tuple[str, str, int]:
    """Return an address's scheme, host and port; raises AddressRefused where it has none of http's."""
    try:
        parts = urlsplit(address)
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
    except (ValueError, KeyError) as error:
        raise AddressRefused from error
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise AddressRefused
    return parts.scheme, parts.hostname, port
