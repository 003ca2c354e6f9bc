"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

TablePath = Annotated[Path, typer.Argument(metavar="TABLE", help="A .csv or .parquet file.")]
MappingPath = Annotated[Path, typer.Option("--mapping", help="YAML: which column goes where.")]
