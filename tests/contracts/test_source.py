"""Rules of the source that no type can hold."""

import ast
import re

from tests.contracts.repository import ROOT, files, sources

APP = sources("app")
# Written in two halves, so that this file is not what it looks for.
PRIVATE_PLACES = re.compile("|".join(("/ho" + "me/[a-z]", "/ro" + "ot/", "/Use" + "rs/", "/wo" + "rk/")))


def test_the_source_is_found() -> None:
    assert len(APP) > 50


def calls(source: str) -> set[str]:
    """Name every attribute and function that is called."""
    called = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return {node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "") for node in called}


def names(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.add(node.name.rsplit(".", 1)[-1])
    return found


def test_only_the_transaction_commits() -> None:
    assert not [path for path, source in APP.items() if path != "app/db.py" and "commit" in calls(source)]


def test_nothing_is_promised_in_the_background() -> None:
    assert not [path for path, source in APP.items() if names(source) & {"BackgroundTasks", "BackgroundTask"}]


def test_no_middleware_buffers() -> None:
    """One that does breaks cancellation and context variables."""
    assert not [path for path, source in APP.items() if "BaseHTTPMiddleware" in names(source)]
    assert not [path for path, source in APP.items() if re.search(r"@\w+\.middleware\(", source)]


def test_no_dependency_of_a_router_yields() -> None:
    """It would end after the answer was sent; what must be done before that is done by the unit of work."""
    yields = [
        path
        for path, source in sources("app/routers").items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Yield | ast.YieldFrom)
    ]

    assert not yields


def test_the_domain_asks_no_clock_and_no_chance() -> None:
    asked = {"now", "utcnow", "today", "time_ns", "monotonic", "random", "uuid4", "urandom"}

    assert not [path for path, source in sources("app/domain").items() if names(source) & asked]


def test_no_room_is_for_everything() -> None:
    forbidden = {"utils", "helpers", "common", "core", "crud", "constants", "types"}

    assert not [path for path in APP if forbidden & set(path.removesuffix(".py").split("/"))]


def test_no_file_names_a_place_of_one_machine() -> None:
    found = []
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if place := PRIVATE_PLACES.search(text):
            found.append(f"{path.relative_to(ROOT)}: {place.group()}")

    assert not found
