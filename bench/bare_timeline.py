"""The twenty latest contacts of a subscriber as JSON made by PostgreSQL, asked of the driver, and nothing besides."""

import os
from typing import Any, Final

import asyncpg

QUESTION: Final = """
    SELECT json_agg(i)::text FROM (
        SELECT * FROM interactions WHERE subscriber_id = $1 ORDER BY occurred_at DESC, id DESC LIMIT 20
    ) i
"""
CONNECTIONS: Final = 3
_pool: asyncpg.Pool | None = None


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    subscriber_id = scope["query_string"].decode().partition("subscriber_id=")[2].partition("&")[0]
    assert _pool
    body = (await _pool.fetchval(QUESTION, subscriber_id) or "[]").encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _live(receive: Any, send: Any) -> None:
    global _pool  # noqa: PLW0603  # as small as such an application is written
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=CONNECTIONS, max_size=CONNECTIONS)
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
