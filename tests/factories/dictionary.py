"""The feature dictionary that snapshots are checked against, in place."""

import asyncio
from datetime import UTC, datetime

from app.db import create_engine, create_sessions, transaction
from app.services.features import define_features
from app.settings import Settings
from tests.factories.subscribers import DICTIONARY


def lay_dictionary(settings: Settings) -> None:
    asyncio.run(_define(settings))


async def _define(settings: Settings) -> None:
    engine = create_engine(settings)
    async with transaction(create_sessions(engine)) as session:
        await define_features(session, DICTIONARY, "test", datetime.now(UTC))
    await engine.dispose()
