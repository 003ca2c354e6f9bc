"""Lists, walked to their end."""

from typing import Any

import httpx


def walk(api: httpx.Client, path: str, limit: int, **query: str) -> list[Any]:
    """Return all items of a list, page after page; each page but the last is full."""
    found: list[Any] = []
    cursor: str | None = None
    while True:
        params = query | {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        answer = api.get(path, params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page.keys() == {"items", "next_cursor"}
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
        assert len(page["items"]) == limit
