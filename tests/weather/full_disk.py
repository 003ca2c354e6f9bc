"""The store's disk is full: writes are refused for a while, and what was acknowledged stays."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.weather.exactly_once import weather
from tests.weather.promises import Row, at_least, at_most, none_of
from tests.weather.world import World, world

SIZE: Final = "256m"
FULL_SECONDS: Final = 5.0


def measure() -> Iterator[Row]:
    if os.geteuid() != 0:
        yield Row("full disk", "needs root, to mount one", "not measured", kept=False)
        return
    with small_disk() as disk, world(disk=disk) as spoiled:
        seen = weather(spoiled, faults=3, writes=1_000, kinds=(fill_disk,))
    yield at_least("full disk: answers 503", seen.ledger.statuses[503], 1)
    yield none_of("full disk: answers 500", seen.findings.unexpected)
    yield none_of("full disk: acknowledged and lost", seen.findings.lost)
    yield none_of("full disk: stored twice", seen.findings.duplicated)
    yield at_most("full disk: from its end to the next acknowledged write", seen.slowest_return, 5, " s")


@contextmanager
def small_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="disk-") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def fill_disk(world: World) -> None:
    ballast = world.postgres_home / "ballast"
    with suppress(OSError), ballast.open("wb") as file:
        while True:
            file.write(bytes(2**16))
            file.flush()
    time.sleep(FULL_SECONDS)
    ballast.unlink()
    world.start_postgres()
