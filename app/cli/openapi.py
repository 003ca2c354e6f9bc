"""openapi: the committed description of the API."""

import base64
import json
import os
from pathlib import Path
from typing import Annotated

import typer

from app.errors import AppError
from app.main import create_app
from app.settings import KEY_BYTES, Settings


class DescriptionDrifted(AppError):
    """The committed OpenAPI description is not the service's own."""


def openapi(
    path: Annotated[Path, typer.Argument(help="The file to write or check.")] = Path("openapi/stayline.json"),
    check: Annotated[bool, typer.Option("--check", help="Only say whether it is up to date.")] = False,  # noqa: FBT002  # a flag
) -> None:
    """Write the OpenAPI description of this version, or check that it is up to date."""
    text = json.dumps(_description(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    if not check:
        path.write_text(text, encoding="utf-8")
    elif not path.is_file() or path.read_text(encoding="utf-8") != text:
        raise DescriptionDrifted(f"{path} is out of date: run `stayline openapi`")


def _description() -> object:
    # Describing needs no store and no secret; the app only wants to be given some.
    settings = Settings.model_validate(
        {"database_url": "postgresql://nowhere", "master_keys": base64.b64encode(os.urandom(KEY_BYTES)).decode()}
    )
    return create_app(settings).openapi()


def register(cli: typer.Typer) -> None:
    cli.command("openapi")(openapi)
