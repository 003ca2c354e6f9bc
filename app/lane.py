"""A few connections for the hottest questions, asked of the driver itself: a session costs more than such an answer.

The driver's own pool hands a freed connection to whoever asked last, so that under load somebody waits very long. Here
they are served in the order in which they came.
"""

import asyncio
from types import TracebackType
from typing import Any, Final, Self

import asyncpg

from app.db import BOUND, TAKE_ROLE, StoreUnavailable, async_url, is_outage, libpq_url, server_settings, waiting_seconds
from app.reach import EVERYBODY, Reach
from app.settings import Settings

# More would only take turns on the store's processors.
CONNECTIONS: Final = 3


class Lane:
    """Connections that are opened when first needed, each with its plans made once for all subscribers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._idle: list[asyncpg.Connection] = []
        self._turns = asyncio.Semaphore(CONNECTIONS)

    async def ask(self, question: str, *arguments: object, reach: Reach = EVERYBODY) -> Any:
        """Ask for one value, in one round trip if nothing bounds it; raises StoreUnavailable when the store is away."""
        try:
            if self._turns.locked():
                async with asyncio.timeout(waiting_seconds(self._settings)):
                    await self._turns.acquire()
            else:
                await self._turns.acquire()
            try:
                return await self._ask(question, arguments, reach)
            finally:
                self._turns.release()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if is_outage(error):
                raise StoreUnavailable("the store cannot be reached right now; try again shortly") from error
            raise

    async def _ask(self, question: str, arguments: tuple[object, ...], reach: Reach) -> Any:
        connection = self._find_idle() or await self._connect()
        try:
            if reach.is_bounded:
                async with connection.transaction(readonly=True):
                    await connection.execute(BOUND, *reach.settings.values())
                    value = await connection.fetchval(question, *arguments)
            else:
                value = await connection.fetchval(question, *arguments)
        except BaseException:  # whatever stopped it, an answer may still be on its way: nobody else shall get it
            connection.terminate()
            raise
        self._idle.append(connection)
        return value

    def _find_idle(self) -> asyncpg.Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    async def _connect(self) -> asyncpg.Connection:
        settings = self._settings
        url = async_url(settings.database_url.get_secret_value()).render_as_string(hide_password=False)
        connection = await asyncpg.connect(
            libpq_url(url),
            timeout=settings.store_timeout_seconds,
            command_timeout=settings.statement_timeout_seconds + 1,
            # A plan is made once, not for each subscriber: making it takes longer than following it.
            server_settings={**server_settings(settings), "plan_cache_mode": "force_generic_plan"},
        )
        await connection.execute(TAKE_ROLE)
        return connection

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._idle:
            connection.terminate()
