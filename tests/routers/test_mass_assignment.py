"""A caller sets what is a caller's to set: whatever else an answer shows or a table holds is refused by name."""

import httpx
import pytest

from app.models import Base
from tests.factories.answers import refused_fields
from tests.factories.grounds import Grounds
from tests.factories.operations import Operation, description, writes

# What no caller ever sets, wherever it is stored.
INTERNAL = {column.name for table in Base.metadata.tables.values() for column in table.columns} | {"arm", "is_admin"}


def takes(operation: Operation) -> set[str]:
    """The fields that an operation's body describes as its own."""
    schemas = description()["components"]["schemas"]
    body = description()["paths"][operation.path][operation.method.lower()]["requestBody"]
    shape = body["content"]["application/json"]["schema"]
    return set(schemas[shape["$ref"].rsplit("/", 1)[-1]]["properties"])


@pytest.mark.parametrize("operation", writes(), ids=str)
def test_a_field_that_is_not_the_callers_to_set_is_refused(
    api: httpx.Client, grounds: Grounds, operation: Operation
) -> None:
    known = takes(operation)
    assert known
    strange = sorted(
        (INTERNAL | {"arm", "probability", "is_admin", "scopes", "role"}) - known - {"subscriber", "agent"}
    )
    request = grounds.request(operation)
    for start in range(0, len(strange), 15):
        some = strange[start : start + 15]
        answer = request.send(api, json=(request.body or {}) | dict.fromkeys(some, "x"))
        assert refused_fields(answer) == {f"/{name}" for name in some}
