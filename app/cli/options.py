"""Options that several commands take."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from app.errors import Invalid

TablePath = Annotated[
    Path, typer.Argument(metavar="TABLE", help="A .csv or .parquet file, or a .sql file with one SELECT.")
]
MappingPath = Annotated[Path, typer.Option("--mapping", help="YAML: which column goes where.")]
OptionalMappingPath = Annotated[Path | None, typer.Option("--mapping", help="YAML: which column goes where.")]
AsOf = Annotated[str | None, typer.Option(help="The date the table speaks of, YYYY-MM-DD.")]
RejectsPath = Annotated[Path | None, typer.Option(help="Write refused rows here: line, field, reason.")]


class DateRefused(Invalid):
    """The date cannot be read."""


def day(text: str) -> date:
    """Read --as-of. Raises DateRefused."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise DateRefused(f"--as-of {text!r} is not a date such as 2026-10-31") from error
