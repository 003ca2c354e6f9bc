"""The same figures in another form than JSON, where `Accept` names it."""

from collections.abc import Iterable
from typing import Annotated, Final

from fastapi import Header, Response
from pydantic import BaseModel

from app.domain.tables import as_csv
from app.routers.documented import BINARY, Responses, reads
from app.schemas.base import SafeStr

CSV: Final = "text/csv"
MARKDOWN: Final = "text/markdown"
PARQUET: Final = "application/vnd.apache.parquet"
_SCHEMAS: Final = {CSV: {"schema": {"type": "string"}}, MARKDOWN: {"schema": {"type": "string"}}, PARQUET: BINARY}

Accept = Annotated[SafeStr, Header(max_length=256)]
JSON: Final = "application/json"


def form_of(accept: str, *known: str) -> str | None:
    """The first of these forms that is named; None where JSON will do."""
    return next((form for form in known if form in accept), None)


def in_forms(model: type[BaseModel], *known: str) -> Responses:
    """The answers of an operation that gives `model` as JSON, or in one of these forms."""
    found = {"model": model, "description": "As JSON, or as Accept says", "content": {f: _SCHEMAS[f] for f in known}}
    return {200: found, **reads()}


def as_table(row: type[BaseModel], rows: Iterable[BaseModel]) -> Response:
    """Rows of one shape as CSV, a column a field."""
    return Response(as_csv(tuple(row.model_fields), (one.model_dump(mode="json") for one in rows)), media_type=CSV)
