"""Deadlines: what is late ends as OutOfTime, whichever clock tells first."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from app.db import OutOfTime, StoreUnavailable, within

MANY = 300


@pytest.mark.parametrize("new_loop", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def test_what_is_late_is_out_of_time(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """A loop counts in milliseconds, and may call a moment before the time it was asked for."""

    async def wait(milliseconds: float) -> None:
        async with within(milliseconds / 1000):
            await asyncio.sleep(60)

    async def wait_all() -> list[BaseException | None]:
        waits = (wait(5 + number / 7) for number in range(MANY))
        return await asyncio.gather(*waits, return_exceptions=True)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert {type(end) for end in runner.run(wait_all())} == {OutOfTime}


@pytest.mark.parametrize("error", [TimeoutError, StoreUnavailable])
def test_what_fails_in_time_fails_as_it_does(error: type[Exception]) -> None:
    async def fail() -> None:
        async with within(60):
            raise error("at once")

    with pytest.raises(error, match="at once"):
        asyncio.run(fail())
