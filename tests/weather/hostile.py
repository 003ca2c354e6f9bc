"""Input that nobody should send: every operation, every place of a body, every address, and broken HTTP.

Whatever comes is taken or refused as a problem: never a 5xx, never an echo, never more than 64 KiB, never for long.
"""

import json
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from tests.factories import hell
from tests.factories.answers import CANARY, LARGEST_PROBLEM
from tests.factories.grounds import Grounds, Request, lay_grounds
from tests.factories.operations import Operation, operations
from tests.weather.progress import tell
from tests.weather.promises import Row, at_least, at_most, none_of
from tests.weather.world import World, world

JSON: Final = {"content-type": "application/json"}
PROBLEM: Final = "application/problem+json"
LONG: Final = 50_000
# What makes a careless expression or a careless loop slow.
SLOW: Final = (
    "a" * LONG,
    "a" * LONG + "!",
    " " * LONG + "x",
    "\t\n" * (LONG // 2),
    "+861" + "0" * LONG,
    "0." + "0" * LONG,
    "-" * LONG,
    "(" * LONG,
    "a@" * (LONG // 2),
    "2026-10-31T" + "0" * LONG,
    "é" * LONG,
    "a" + "\u0301" * LONG,
    "\U0001f600" * (LONG // 2),
    "a && " * (LONG // 5) + "a",
)
KEYS: Final = ("__proto__", "constructor", "", " ", "a" * 5_000, "\u202e", "subscriber_id ", "'; --", "${jndi}")
EXAMPLES: Final = 40
TAKEN: Final = "GET /v1/interactions/batch"  # whose last word is an id to another operation, and none there could be


@dataclass(slots=True)
class Seen:
    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0
    taken: set[str] = field(default_factory=set)

    def look(self, operation: Operation, answer: httpx.Response) -> None:
        self.cases += 1
        self.statuses[answer.status_code] += 1
        if answer.is_success:
            self.taken.add(operation.id)
        elif why := _why_wrong(answer):
            self.wrong.append(f"{operation.id}: {why} {answer.status_code} {answer.request.content[:120]!r}")


def _why_wrong(answer: httpx.Response) -> str | None:
    if answer.status_code >= 500:
        return "failed"
    if answer.headers.get("content-type") != PROBLEM:
        return "no problem"
    if len(answer.content) > LARGEST_PROBLEM:
        return "too long"
    return "an echo" if CANARY in answer.text else None


def measure() -> Iterator[Row]:
    with world() as spoiled:
        spoiled.serve(STAYLINE_LOG_LEVEL="WARNING", STAYLINE_RATE_LIMIT="0")
        with spoiled.client() as api:
            grounds = lay_grounds(api)
            seen, slow = Seen(), Seen()
            corpus(api, grounds, seen)
            yield at_least("bodies, keys and addresses that nobody should send", seen.cases, 5_000)
            yield none_of("of them answered 5xx, with no problem, an echo, or at length", len(seen.wrong))
            yield none_of("operations never taken", len({each.id for each in operations()} - seen.taken))
            long_texts(api, grounds, slow)
            yield at_most(f"slowest of {slow.cases:,} texts of 50 KB, anywhere", slow.slowest, 0.2, " s")
            yield none_of("of them answered 5xx, with no problem, an echo, or at length", len(slow.wrong))
            broken = broken_framing(spoiled)
            yield none_of(f"of {len(FRAMES)} ways to break HTTP: answered 2xx or 5xx, or hung", len(broken))
        cases, failures = fuzz(spoiled, EXAMPLES)
        yield at_least("cases that schemathesis made of the description, all checks", cases, 10_000)
        yield none_of("kinds of failures among them", len(failures))
    for line in (*seen.wrong, *slow.wrong, *broken, *failures)[:40]:
        sys.stderr.write(f"{line}\n")


def corpus(api: httpx.Client, grounds: Grounds, seen: Seen, thinned: int = 1) -> None:
    """Send it; with `thinned` every so-manieth case."""
    for operation in operations():
        tell(f"{operation.id}: {seen.cases:,} cases")
        request = grounds.request(operation)
        if operation.method != "DELETE":  # those come last, each of what is there by then
            seen.look(operation, request.send(api))
        for content in list(_bodies(operation, request))[::thinned]:
            answer = grounds.request(operation).send(api, content=content, headers=request.headers | JSON)
            seen.look(operation, answer)
        for path in list(_addresses(operation, grounds))[::thinned]:
            seen.look(operation, api.request(operation.method, path, headers=request.headers, json=request.body))
    deletes = [operation for operation in operations() if operation.method == "DELETE"]
    for operation in sorted(deletes, key=lambda operation: operation.id == "erase_subscriber"):
        seen.look(operation, grounds.request(operation).send(api))


def _bodies(operation: Operation, request: Request) -> Iterator[bytes]:
    if not operation.has_body:
        return
    yield from hell.MALFORMED.values()
    yield from hell.NOT_OBJECTS.values()
    for place in hell.places(request.body):
        for raw in (*hell.UNFIT.values(), *hell.ODD.values()):
            yield hell.with_raw(request.body, place, raw)
        for said in hell.NOT_TIMES.values():
            yield hell.with_raw(request.body, place, json.dumps(said))
    for key in KEYS:
        yield json.dumps({**(request.body or {}), key: CANARY}).encode()


def _addresses(operation: Operation, grounds: Grounds) -> Iterator[str]:
    for name in operation.path_parameters:
        for raw in hell.ADDRESSES.values():
            yield grounds.path(operation, **{name: raw})
    for place, name in sorted((place, name) for name, place in operation.parameters):
        if place == "query":
            for raw in (*hell.ADDRESSES.values(), "", "nan", "-1", "9" * 40, "[]", "null", "true"):
                yield f"{grounds.path(operation)}?{name}={raw}"


def long_texts(api: httpx.Client, grounds: Grounds, seen: Seen) -> None:
    """Put each slow text where a text may stand."""
    for operation in operations():
        if not operation.has_body:
            continue
        request = grounds.request(operation)
        for place in hell.unlike_places(request.body):
            for text in SLOW:
                content = hell.with_raw(request.body, place, json.dumps(text))
                began = time.perf_counter()
                answer = grounds.request(operation).send(api, content=content, headers=request.headers | JSON)
                taken = time.perf_counter() - began
                seen.slowest = max(seen.slowest, taken)
                seen.look(operation, answer)


POST: Final = b"POST /v1/scores HTTP/1.1\r\nHost: x\r\n"
FRAMES: Final = {
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a length and chunks": (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a length that is no number": POST + b"Content-Length: two\r\n\r\n{}",
    "a length beyond all numbers": POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n",
    "a chunk that is no number": POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n",
    "a chunk beyond all numbers": (POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n"),
    "an unknown encoding": POST + b"Transfer-Encoding: cow\r\n\r\n{}",
    "no version": b"GET /livez\r\n\r\n",
    "another version": b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no method": b" /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method nobody knows": b"BREW /v1/scores HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header without a name": b"GET /v1/features HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
    "a header with a space in its name": b"GET /v1/features HTTP/1.1\r\nHost: x\r\nA b: y\r\n\r\n",
    "a folded header": b"GET /v1/features HTTP/1.1\r\nHost: x\r\nA: y\r\n z\r\n\r\n",
    "a NUL in a header": b"GET /v1/features HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n",
    "a NUL in the path": b"GET /v1/features\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes that are no text in the path": b"GET /v1/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "a hundred thousand headers": b"GET /v1/features HTTP/1.1\r\n" + b"A: y\r\n" * 100_000 + b"\r\n",
    "a header of a megabyte": b"GET /v1/features HTTP/1.1\r\nHost: x\r\nA: " + b"y" * 2**20 + b"\r\n\r\n",
    "a path of a megabyte": b"GET /" + b"y" * 2**20 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a greeting of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "nothing but noise": bytes(range(256)) * 40,
}
SHOWN_TO_ALL: Final = {"no version", "another version"}  # asked for what anybody may have, and given it


def broken_framing(world: World) -> list[str]:
    """Send each, and return those that were answered as if nothing were wrong, or failed, or hung."""
    found = []
    for name, frame in FRAMES.items():
        status = _status(world.port, frame)
        if status == "hung" or status.startswith("5") or (status.startswith("2") and name not in SHOWN_TO_ALL):
            found.append(f"{name}: {status}")
    if httpx.get(f"{world.url}/livez").status_code != httpx.codes.OK:
        found.append("it is not alive any more")
    return found


def _status(port: int, frame: bytes) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        try:
            line.sendall(frame)
            line.shutdown(socket.SHUT_WR)
            answer = line.recv(65_536)
        except TimeoutError:
            return "hung"
        except OSError:
            return "closed"
    found = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
    return found[1].decode() if found else "closed"


def fuzz(world: World, examples: int, *others: str) -> tuple[int, list[str]]:
    """Have schemathesis make cases of the service's own description; returns how many, and what failed."""
    report = world.home / "fuzz.json"
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        f"--config-file={Path(__file__).with_name('schemathesis.toml')}",
        "run",
        f"{world.url}/openapi.json",
        f"--header=Authorization: Bearer {world.key}",
        "--checks=all",
        "--continue-on-failure",
        f"--max-examples={examples}",
        "--seed=7",
        "--no-shrink",
        "--report=json",
        f"--report-json-path={report}",
        *others,
    ]
    with (world.home / "fuzz.log").open("wb") as log:
        subprocess.run(command, check=False, stdout=log, stderr=subprocess.STDOUT, cwd=world.home)
    told: dict[str, Any] = json.loads(report.read_text())
    failures = [f"{each['title']}: {name}" for each in told["failures"] for name in each["operations"] if name != TAKEN]
    return told["test_cases"]["generated"], failures + [each["title"] for each in told["errors"]]
