"""Saving in the background of requests what a process has gathered of them, again and again, and once at the end."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from app.observability import tell


@asynccontextmanager
async def saving(what: str, every_seconds: float, save: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Call `save` every so often while inside, and once more at the end; what one turn fails at is the next one's."""
    ending = asyncio.Event()
    task = asyncio.create_task(_save_until(ending, what, every_seconds, save))
    try:
        yield
    finally:
        ending.set()
        await task


async def _save_until(
    ending: asyncio.Event, what: str, every_seconds: float, save: Callable[[], Awaitable[None]]
) -> None:
    is_last = False
    while not is_last:
        with suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), every_seconds)
        is_last = ending.is_set()  # asked before the save: what is gathered during one needs another
        try:
            await save()
        except Exception as error:  # noqa: BLE001  # whatever ails the store, gathering goes on
            tell(f"{what}_not_saved", level=logging.WARNING, error=type(error).__qualname__)
