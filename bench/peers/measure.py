"""The same rows of the same model, asked of us and of a peer by turns; servers on one core, the callers on another."""

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx

from app.demo.home import Demo
from app.embedded.postgres import postgres
from app.ml.active import ActiveBundles
from app.ml.bundle import Bundle
from app.ml.features import complete, encode
from app.ml.manifest import MODEL
from bench.hammer import hammer
from bench.peers import processes
from bench.peers.environments import LeftOut, in_short, version
from bench.peers.servers import LOCAL, PEER_PORT, PEERS, Cells, Peer, Question, serving
from bench.scoring import CONNECTIONS, DRIVERS, PAIRS, SECONDS, Rate, as_caller, newest
from bench.service import PORT, set_up
from bench.service import serving as serving_ours

ROWS: Final = 512
SPARE: Final = 88  # rows that may be left out: those with a missing value, which JSON numbers cannot say
CHECKED: Final = 16
SAME: Final = 1e-6

Line = tuple[str, ...]
HEAD: Final[Line] = ("server", "answers/s", "µs of CPU each", "ours ÷ theirs", "by CPU", "promised", "memory, MB")


class Way(NamedTuple):
    """A path of a server, and a body a row."""

    path: str
    bodies: list[dict[str, Any]]


class Server(NamedTuple):
    """A server's first process and its door; `fault` is what is raised when it does not answer as it should."""

    pid: int
    port: int
    key: str
    fault: type[Exception]

    def post(self, path: str, body: dict[str, Any]) -> Any:
        try:
            answer = httpx.post(f"http://{LOCAL}:{self.port}{path}", json=body, headers=as_caller(self.key), timeout=60)
            return answer.raise_for_status().json()
        except httpx.HTTPError as error:
            raise self.fault(f"{path} was not answered: {error}") from error

    def rate(self, way: Way) -> Rate:
        told = {"port": self.port, "key": self.key, "path": way.path, "bodies": way.bodies}
        before = processes.computed(self.pid)
        try:
            found = hammer(told | {"connections": CONNECTIONS, "seconds": SECONDS})
        except subprocess.CalledProcessError as error:
            raise self.fault(f"it did not stand the callers: {in_short(error.stderr)}") from error
        if set(found["statuses"]) != {"200"}:
            raise self.fault(f"not all were answered: {found['statuses']}")
        micros = (processes.computed(self.pid) - before) / found["answers"] * 1e6
        return Rate(found["answers"] / found["seconds"], micros)


class Sample(NamedTuple):
    """Rows and the model's file: `cells` are what the encoder makes of each, `scores` and `infer` how we are asked."""

    graph: Path
    cells: Sequence[Cells]
    scores: Way
    infer: Way


def measure(names: Sequence[str]) -> Iterator[Line]:
    """Measure these peers, or all; says on standard error which is left out, and why."""
    chosen = [PEERS[name] for name in names or PEERS]
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder) / "postgres") as store:
        demo = Demo(Path(folder), store.url())
        key = set_up(demo)["api_keys"]["crm"]
        with serving_ours(demo, workers=1) as service:
            processes.keep_on(0, service.pid)
            sample, ours = _sample(demo, key), Server(service.pid, PORT, key, RuntimeError)
            for peer in chosen:
                try:
                    yield from _against(peer, ours, sample, Path(folder) / peer.package)
                except LeftOut as reason:
                    print(f"{peer.package} is left out: {reason}", file=sys.stderr)


def _sample(demo: Demo, key: str) -> Sample:
    bundle = ActiveBundles(demo.models_dir)["port_out"]
    model = bundle.manifest
    coded = {_cells(bundle, row): row for row in newest(demo, key, ROWS + SPARE)}
    whole = {cells: row for cells, row in coded.items() if all(cell == cell for cell in cells)}  # noqa: PLR0124  # NaN alone differs from itself
    rows = list(whole.values())[:ROWS]
    assert len(rows) == ROWS, "too few different rows"
    path = f"/v2/models/{model.name}"
    doors = httpx.get(f"http://{LOCAL}:{PORT}{path}", headers=as_caller(key)).json()["inputs"]
    return Sample(
        demo.models_dir / model.name / model.version / MODEL,
        list(whole)[:ROWS],
        Way("/v1/scores", [{"features": row, "drivers": DRIVERS} for row in rows]),
        Way(f"{path}/infer", [_columns(doors, row) for row in rows]),
    )


def _cells(bundle: Bundle, row: dict[str, Any]) -> tuple[float, ...]:
    return tuple(encode(bundle.contract, complete(bundle.contract, row, datetime.now(UTC).date()))[0].tolist())


def _columns(doors: list[dict[str, Any]], row: dict[str, Any]) -> dict[str, Any]:
    sent = [door for door in doors if door["name"] in row]
    inputs = [
        {"name": door["name"], "shape": [1], "datatype": door["datatype"], "data": [row[door["name"]]]} for door in sent
    ]
    return {"inputs": inputs, "outputs": [{"name": "probability"}]}


def _against(peer: Peer, ours: Server, sample: Sample, home: Path) -> Iterator[Line]:
    with serving(peer, sample.graph, home, sample.cells[0]) as pid:
        processes.keep_on(0, pid)
        theirs = Server(pid, PEER_PORT, "none", LeftOut)
        for question in peer.questions:
            _check(question, theirs, ours, sample)
            way = Way(question.path, [question.body(cells) for cells in sample.cells])
            rival = sample.infer if question.protocol else sample.scores
            pairs = [(theirs.rate(way), ours.rate(rival)) for _ in range(PAIRS)]
            yield _theirs(f"{question.what} ({version(peer.package)})", pairs, question.bar, theirs)
            yield _ours(f"… Stayline beside it, `POST {rival.path}`", pairs, ours)


def _check(question: Question, theirs: Server, ours: Server, sample: Sample) -> None:
    """See that a row gets the same probability by every way. Raises LeftOut if it does not."""
    for cells, scores, infer in list(zip(sample.cells, sample.scores.bodies, sample.infer.bodies, strict=True))[
        :CHECKED
    ]:
        told = ours.post(sample.scores.path, scores)["probability"]
        assert abs(ours.post(sample.infer.path, infer)["outputs"][0]["data"][0] - told) <= SAME
        found = question.probability(theirs.post(question.path, question.body(cells)))
        if abs(found - told) > SAME:
            raise LeftOut(f"it answers {found} where we answer {told}")


def _theirs(what: str, pairs: list[tuple[Rate, Rate]], bar: str, server: Server) -> Line:
    ratios = [ours.answers / theirs.answers for theirs, ours in pairs]
    by_cpu = statistics.median(theirs.micros / ours.micros for theirs, ours in pairs)
    told = f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
    return (what, *_rate([theirs for theirs, _ in pairs]), told, f"{by_cpu:.1f}", bar, _memory(server))


def _ours(what: str, pairs: list[tuple[Rate, Rate]], server: Server) -> Line:
    return (what, *_rate([ours for _, ours in pairs]), "", "", "", _memory(server))


def _rate(rates: list[Rate]) -> tuple[str, str]:
    answers = statistics.median(rate.answers for rate in rates)
    return f"{answers:,.0f}", f"{statistics.median(rate.micros for rate in rates):,.0f}"


def _memory(server: Server) -> str:
    return f"{processes.memory(server.pid):.0f}"
