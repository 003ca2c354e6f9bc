"""The description is complete: whoever reads it needs to ask nobody."""

import re
from typing import Any

import pytest

from tests.factories.operations import OPEN, Operation, description, operations

every_operation = pytest.mark.parametrize("operation", operations(), ids=str)

ARROW = "application/vnd.apache.arrow.stream"  # another form of what is a batch in JSON


def described(operation: Operation) -> Any:
    return description()["paths"][operation.path][operation.method.lower()]


def test_the_operations_are_those_of_the_service() -> None:
    assert len(operations()) >= 29
    ids = [operation.id for operation in operations()]
    assert len(set(ids)) == len(ids)
    assert {operation.id for operation in operations() if not operation.scopes} == OPEN


@every_operation
def test_an_operation_has_a_name_and_says_what_it_is_for(operation: Operation) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation.id)
    assert described(operation)["summary"]
    assert described(operation)["tags"]


@every_operation
def test_a_path_is_written_in_kebab_case(operation: Operation) -> None:
    for part in operation.path.strip("/").split("/"):
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*|\{[a-z_]+\}", part), part


@every_operation
def test_success_has_a_shape(operation: Operation) -> None:
    successes = {status: found for status, found in described(operation)["responses"].items() if status[0] == "2"}

    assert successes
    for status, found in successes.items():
        shapes = [media.get("schema") for media in found.get("content", {}).values()]
        assert status == "204" or (shapes and all(shapes)), status


@every_operation
def test_each_problem_has_the_shape_of_problems(operation: Operation) -> None:
    needed = set() if operation.id in OPEN else {401, 403, 422, 503}
    needed |= {400, 413, 415} if operation.has_body else set()
    needed |= {409} if operation.takes("header", "idempotency-key") else set()
    needed |= {412, 428} if operation.takes("header", "if-match") else set()
    assert needed <= operation.statuses

    for status, found in described(operation)["responses"].items():
        if status[0] == "4":
            assert found["description"]
            media = found["content"]["application/problem+json"]
            assert media["schema"] == {"$ref": "#/components/schemas/Problem"}


@pytest.mark.parametrize("operation", [found for found in operations() if found.has_body], ids=str)
def test_a_body_is_required_and_shown_by_an_example(operation: Operation) -> None:
    body = described(operation)["requestBody"]

    assert body["required"] is True
    assert body["content"].keys() - {ARROW} == {"application/json"}
    assert operation.example


@pytest.mark.parametrize("operation", [found for found in operations() if found.id not in OPEN], ids=str)
def test_an_operation_says_which_key_it_needs(operation: Operation) -> None:
    schemes = description()["components"]["securitySchemes"]

    assert [set(way) <= schemes.keys() for way in described(operation)["security"]] == [True]
    assert all(re.fullmatch(r"[a-z]+:[a-z]+", scope) for scope in operation.scopes)


def test_every_reference_leads_somewhere() -> None:
    components = description()["components"]["schemas"]

    assert {name.rsplit("/", 1)[-1] for name in _references(description())} <= components.keys()


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(_references(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(_references(inner) for inner in value))
    return set()
