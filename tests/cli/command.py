"""The `stayline` command in a process of its own, with the environment a test gives it and no other.

The processes are forked from one that has loaded the command already: loading takes longer than most of what is tested.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from app.cli import COMMANDS, main

PATIENCE_SECONDS = 60

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([f"app.cli.{module}" for module in COMMANDS.values()])


@dataclass(frozen=True, slots=True)
class Ran:
    code: int | None
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Command:
    """`stayline`, as run in a folder with some environment variables set."""

    folder: Path
    environment: Mapping[str, str]

    def __call__(self, *arguments: object, **variables: str) -> Ran:
        """Run it to its end; `variables` are set besides the environment."""
        with TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            environment = {"PATH": os.defpath, **self.environment, **variables}
            process = _processes.Process(
                target=_become, args=([str(argument) for argument in arguments], environment, self.folder, out, err)
            )
            process.start()
            process.join(PATIENCE_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()
            return Ran(process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))

    def fails(self, *arguments: object, **variables: str) -> str:
        """Run it, check that it fails as every command fails (exit 1, one line, no traceback), and return the line."""
        ran = self(*arguments, **variables)
        assert ran.code == 1, ran
        assert ran.stderr.startswith("stayline: "), ran.stderr
        assert ran.stderr.endswith("\n"), ran.stderr
        assert ran.stderr.count("\n") == 1, ran.stderr
        return ran.stderr.removeprefix("stayline: ")

    def succeeds(self, *arguments: object, **variables: str) -> str:
        """Run it, check that it succeeds, and return what it printed."""
        ran = self(*arguments, **variables)
        assert ran.code == 0, ran
        return ran.stdout


def _become(
    arguments: list[str], environment: dict[str, str], folder: Path, out: Path, err: Path
) -> None:  # pragma: no cover  # in another process
    for path, descriptor in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["stayline", *arguments]
    try:
        main()
    finally:
        # A process of multiprocessing waits for its children before it does what would have ended them.
        if loky := sys.modules.get("joblib.externals.loky"):
            loky.get_reusable_executor(reuse=True).shutdown()
