"""The `stayline` command: exit 0 done, 1 failed with one clear line, 2 used wrongly."""

import sys

import typer

from app.cli import demo, keys, models, openapi, serving, tables
from app.errors import AppError
from app.settings import SettingsRefused
from app.vault import Unsealable

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
cli.command("serve")(serving.serve)
cli.command("migrate")(serving.migrate)
cli.command("import")(tables.import_)
cli.command("train")(tables.train)
cli.add_typer(models.cli, name="models", help="Trained models: list them, choose the active one.")
cli.add_typer(keys.cli, name="keys", help="API keys: make, list, revoke.")
cli.command("openapi")(openapi.openapi)
cli.command("demo")(demo.demo)

MOST_VIOLATIONS_SHOWN = 5


def main() -> None:
    try:
        cli()
    except AppError as error:
        shown = [f"{v.pointer.lstrip('/')} {v.detail}" for v in error.violations[:MOST_VIOLATIONS_SHOWN]]
        _fail("; ".join([error.detail.rstrip("."), *shown]))
    except (SettingsRefused, Unsealable) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _fail(sentence: str) -> None:
    sys.stderr.write(f"stayline: {sentence}\n")
    raise SystemExit(1)
