"""What goes wrong, one thing at a time, and is put right again."""

import time
from collections.abc import Callable
from typing import Final

from tests.weather.world import World

Fault = Callable[[World], None]


def kill_service(world: World) -> None:
    workers = len(world.serving())
    world.kill()
    world.serve(workers)


def kill_worker(world: World) -> None:
    world.kill("worker")
    world.start("worker")


def kill_postgres(world: World) -> None:
    world.kill_postgres()
    world.start_postgres()


def break_off_backends(world: World) -> None:
    world.terminate_backends()


def freeze_postgres(world: World) -> None:
    world.freeze_postgres(3.0)


def refuse(world: World) -> None:
    world.road.refuse()
    time.sleep(2.0)
    world.road.open()


def hang(world: World) -> None:
    world.road.hold()
    time.sleep(3.0)
    world.road.open()


def reset(world: World) -> None:
    world.road.reset()


def cut_after_commit(world: World) -> None:
    world.road.cut_after_commits(5)


FAULTS: Final[tuple[Fault, ...]] = (
    kill_postgres,
    cut_after_commit,
    kill_service,
    reset,
    freeze_postgres,
    break_off_backends,
    hang,
    kill_worker,
    refuse,
)
