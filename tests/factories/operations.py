"""The operations the service describes of itself, each with what it takes."""

import base64
import os
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import FastAPI

from app.main import create_app
from app.settings import KEY_BYTES, Settings

OPEN = frozenset(
    {
        "get_liveness",
        "get_readiness",
        "get_store_readiness",
        "get_metrics",
        "get_server",
        "get_server_liveness",
        "get_server_readiness",
    }
)


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    method: str
    path: str
    scopes: frozenset[str]
    example: Any
    has_body: bool
    statuses: frozenset[int]
    parameters: frozenset[tuple[str, str]]

    @property
    def path_parameters(self) -> list[str]:
        return sorted(name for name, place in self.parameters if place == "path")

    def takes(self, place: str, name: str) -> bool:
        return (name, place) in self.parameters

    def __str__(self) -> str:
        return self.id


@cache
def described_app() -> FastAPI:
    """The service, to be looked at: it is never started, and so needs no store and no model."""
    key = base64.b64encode(os.urandom(KEY_BYTES)).decode()
    return create_app(Settings.model_validate({"database_url": "postgresql://nowhere", "master_keys": key}))


@cache
def description() -> dict[str, Any]:
    return described_app().openapi()


@cache
def operations() -> tuple[Operation, ...]:
    return tuple(
        _operation(method.upper(), path, described)
        for path, methods in description()["paths"].items()
        for method, described in methods.items()
    )


def writes() -> list[Operation]:
    """Those that take a body."""
    return [operation for operation in operations() if operation.has_body]


def keyed() -> list[Operation]:
    """Those that take an Idempotency-Key."""
    return [operation for operation in operations() if operation.takes("header", "idempotency-key")]


def closed() -> list[Operation]:
    """Those that need a key."""
    return [operation for operation in operations() if operation.id not in OPEN]


def lists() -> list[Operation]:
    return [operation for operation in operations() if operation.takes("query", "cursor")]


def _operation(method: str, path: str, described: dict[str, Any]) -> Operation:
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {})
    return Operation(
        id=described["operationId"],
        method=method,
        path=path,
        scopes=frozenset(scope for way in described.get("security", []) for scopes in way.values() for scope in scopes),
        example=body.get("example"),
        has_body="requestBody" in described,
        statuses=frozenset(int(status) for status in described["responses"]),
        parameters=frozenset((found["name"], found["in"]) for found in described.get("parameters", [])),
    )
