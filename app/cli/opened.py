"""Opens what a command works on: the settings, the store, the vault."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from app.db import Sessions, create_engine, create_sessions
from app.settings import Settings
from app.vault import Vault

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Opened:
    settings: Settings
    sessions: Sessions
    vault: Vault


def run(work: Callable[[Opened], Awaitable[Result]]) -> Result:
    """Run `work` on the store the environment names."""
    return asyncio.run(_opened(Settings.read(), work))


async def _opened(settings: Settings, work: Callable[[Opened], Awaitable[Result]]) -> Result:
    engine = create_engine(settings)
    try:
        return await work(Opened(settings, create_sessions(engine), Vault(settings.keys)))
    finally:
        await engine.dispose()
