"""The peers: how each is started, what it is asked, and where its answer has the probability."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx

from bench.peers import processes
from bench.peers.environments import ROOT, LeftOut, environment, in_short
from bench.peers.onnx_model import GRAPH
from bench.service import PORT

PEER_PORT: Final = PORT + 10
PATIENCE: Final = 60.0
LOCAL: Final = "127.0.0.1"
INFER: Final = "/v2/models/churn/infer"

Cells = Sequence[float]


class Question(NamedTuple):
    """One way to ask for the score of one encoded row, and how many times faster we promise to be.

    `protocol` says that we are asked by the same protocol, too, and not by POST /v1/scores.
    """

    what: str
    path: str
    body: Callable[[Cells], dict[str, Any]]
    probability: Callable[[Any], float]
    bar: str
    protocol: bool = False


class Peer(NamedTuple):
    """A server; of its commands for a model's file and a folder the last one serves, and those before it prepare."""

    package: str
    commands: Callable[[Path, Path], list[list[str]]]
    questions: tuple[Question, ...]


@contextmanager
def serving(peer: Peer, graph: Path, home: Path, cells: Cells) -> Iterator[int]:
    """Serve a model by a peer; yields its first process once it scores a row. Raises LeftOut if it does not."""
    programs = environment(peer.package)
    home.mkdir()
    log = home / "log"
    with log.open("wb") as said:
        *before, last = [[str(programs / name), *rest] for name, *rest in peer.commands(graph, home)]
        told: dict[str, Any] = {"cwd": home, "env": _told(programs, graph, home), "stdout": said, "stderr": said}
        for command in before:
            if subprocess.run(command, check=False, **told).returncode:
                raise LeftOut(f"it could not be prepared: {in_short(log.read_text())}")
        process = subprocess.Popen(last, **told)
        try:
            _wait(peer.questions[0], cells, process, log)
            yield process.pid
        finally:
            processes.stop(process)


def _told(programs: Path, graph: Path, home: Path) -> dict[str, str]:
    # No access log, as we are measured without ours; and nobody is told that this was run.
    return os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        GRAPH: str(graph),
        "UVICORN_LOG_LEVEL": "warning",
        "UVICORN_ACCESS_LOG": "false",
        "BENTOML_HOME": str(home),
        "BENTOML_DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def _wait(question: Question, cells: Cells, process: subprocess.Popen[bytes], log: Path) -> None:
    url, body = f"http://{LOCAL}:{PEER_PORT}{question.path}", question.body(cells)
    give_up = time.monotonic() + PATIENCE
    seen = "no answer"
    while time.monotonic() < give_up and process.poll() is None:
        try:
            answer = httpx.post(url, json=body, timeout=PATIENCE)
        except httpx.TransportError:
            time.sleep(0.1)
            continue
        if answer.is_success:
            return
        seen = f"status {answer.status_code}"
        time.sleep(0.5)
    raise LeftOut(f"it did not start ({seen}): {in_short(log.read_text(errors='replace'))}")


def _mlserver(_: Path, home: Path) -> list[list[str]]:
    # In the serving process (a pool of workers costs a pickle each way), without the access log that `debug` writes.
    ports = {"http_port": PEER_PORT, "grpc_port": PEER_PORT + 1, "metrics_port": PEER_PORT + 2}
    settings = {"host": LOCAL, "debug": False, "parallel_workers": 0, **ports}
    model = {"name": "churn", "implementation": "bench.peers.mlserver_runtime.Churn"}
    (home / "settings.json").write_text(json.dumps(settings))
    (home / "model-settings.json").write_text(json.dumps(model))
    return [["mlserver", "start", str(home)]]


def _bentoml(_: Path, __: Path) -> list[list[str]]:
    return [["bentoml", "serve", "--host", LOCAL, "--port", str(PEER_PORT), "bench.peers.bentoml_service:Churn"]]


def _mlflow(graph: Path, home: Path) -> list[list[str]]:
    model = str(home / "model")
    serve = ["mlflow", "models", "serve", "--model-uri", model, "--env-manager", "local", "--workers", "1"]
    return [
        ["python", "-m", "bench.peers.mlflow_model", str(graph), model],
        [*serve, "--host", LOCAL, "--port", str(PEER_PORT)],
    ]


def _tensor(cells: Cells) -> dict[str, Any]:
    return {"inputs": [{"name": "features", "shape": [1, len(cells)], "datatype": "FP32", "data": cells}]}


def _columns(cells: Cells) -> dict[str, Any]:
    shape = {"shape": [1, 1], "datatype": "FP32"}
    return {"inputs": [{"name": f"feature_{number}", **shape, "data": [cell]} for number, cell in enumerate(cells)]}


def _frame(cells: Cells) -> dict[str, Any]:
    return {"dataframe_split": {"columns": [f"feature_{number}" for number in range(len(cells))], "data": [cells]}}


def _of_outputs(answer: Any) -> float:
    return float(answer["outputs"][0]["data"][0])


def _of_predictions(answer: Any) -> float:
    return float(answer["predictions"][0])


MLSERVER: Final = Peer(
    "mlserver",
    _mlserver,
    (
        Question("MLServer, own runtime, a tensor in", INFER, _tensor, _of_outputs, "≥ 5"),
        Question("… an input a feature, as we take them", INFER, _columns, _of_outputs, "-", protocol=True),
    ),
)
BENTOML: Final = Peer(
    "bentoml",
    _bentoml,
    (
        Question(
            "BentoML, asynchronous, an array in",
            "/score",
            lambda cells: {"features": [cells]},
            lambda answer: float(answer[0]),
            "≥ 13",
        ),
    ),
)
MLFLOW: Final = Peer(
    "mlflow",
    _mlflow,
    (
        Question(
            "MLflow, pyfunc, an array in", "/invocations", lambda cells: {"inputs": [cells]}, _of_predictions, "≥ 45"
        ),
        Question("… a data frame in", "/invocations", _frame, _of_predictions, "-"),
    ),
)
PEERS: Final = {peer.package: peer for peer in (MLSERVER, BENTOML, MLFLOW)}
