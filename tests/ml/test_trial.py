"""A candidate's trial: whatever it does, the process that asks lives on and learns why (P6)."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from app.ml.bundle import BundleRefused
from app.ml.trial import PATIENCE_SECONDS, try_bundle
from tests.factories.candidates import FORBIDDEN, WRONG, add_for_minutes, changed, put


def trials_of(directory: Path) -> set[int]:
    """The processes that try this candidate right now."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if str(directory).encode() in path.read_bytes():
                found.add(int(path.parent.name))
    return found


def test_an_honest_candidate_passes_and_is_named_by_its_checksum(directory: Path) -> None:
    manifest = try_bundle(directory)
    assert manifest.version == directory.name
    assert manifest.manifest_sha256 == json.loads((directory / "manifest.json").read_text())["manifest_sha256"]


def test_a_candidate_needs_neither_settings_nor_a_certain_folder(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith(("STAYLINE", "DATABASE", "PYTHON")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(directory.parents[2])
    assert try_bundle(directory.relative_to(Path.cwd())).version == directory.name
    assert tmp_path.is_dir()


@pytest.mark.parametrize("kind", [*FORBIDDEN, *WRONG])
def test_a_bad_candidate_is_refused_with_the_reason(directory: Path, kind: str) -> None:
    change, reason = (FORBIDDEN | WRONG)[kind]
    candidate = put(directory, changed(directory, change))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BundleRefused, match=rf"^model\.onnx of churn/{candidate.name}: .*({reason})"):
        try_bundle(candidate)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024
    assert not trials_of(candidate)


@pytest.mark.parametrize(("share", "reason"), [(0.5, "cut short"), (0, "holds no graph")])
def test_a_file_that_is_cut_short_or_empty_is_refused(directory: Path, share: float, reason: str) -> None:
    model = (directory / "model.onnx").read_bytes()
    with pytest.raises(BundleRefused, match=reason):
        try_bundle(put(directory, model[: int(len(model) * share)]))


def test_a_report_that_is_not_the_one_described_is_refused(directory: Path) -> None:
    model = (directory / "model.onnx").read_bytes()
    files = {"model.onnx": directory.name[-12:], "report.html": "0" * 64}
    sha256 = json.loads((directory / "manifest.json").read_text())["files"]["model.onnx"]
    candidate = put(directory, model, files=files | {"model.onnx": sha256})
    with pytest.raises(BundleRefused, match=r"report\.html of churn/.*missing"):
        try_bundle(candidate)
    (candidate / "report.html").write_text("<p>another</p>")
    with pytest.raises(BundleRefused, match=r"report\.html of churn/.*checksum"):
        try_bundle(candidate)


@pytest.mark.slow
def test_a_candidate_that_computes_for_minutes_is_ended_in_time(directory: Path) -> None:
    candidate = put(directory, changed(directory, add_for_minutes))
    started_at = time.monotonic()
    with pytest.raises(BundleRefused, match=r"computes for more than 15 seconds|takes longer than 20 seconds"):
        try_bundle(candidate)
    assert time.monotonic() - started_at < PATIENCE_SECONDS + 2
    assert not trials_of(candidate)


def test_a_candidate_whose_process_is_killed_is_refused(directory: Path) -> None:
    candidate = put(directory, changed(directory, add_for_minutes))

    def kill() -> None:
        give_up = time.monotonic() + 10
        while not (found := trials_of(candidate)) and time.monotonic() < give_up:
            time.sleep(0.01)
        for pid in found:
            os.kill(pid, signal.SIGKILL)

    killer = Thread(target=kill)
    killer.start()
    with pytest.raises(BundleRefused, match=r"it ended the process that tried it \(signal 9\)"):
        try_bundle(candidate)
    killer.join()


def test_the_process_writes_no_file_and_leaves_no_core(directory: Path) -> None:
    code = (
        "import resource, sys; from app.ml import trial; trial.main();"
        "print([resource.getrlimit(limit)[0] for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)])"
    )
    said = subprocess.run([sys.executable, "-c", code, str(directory)], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "[0, 0]"
