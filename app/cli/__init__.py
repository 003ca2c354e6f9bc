"""The `stayline` command: exit 0 done, 1 failed with one clear line, 2 used wrongly."""

import sys
from importlib import import_module
from typing import Final

import typer

from app.errors import AppError
from app.settings import SettingsRefused
from app.vault import Unsealable

# A command's module is loaded when it is asked for: `serve` shall not carry what `train` needs.
COMMANDS: Final = {
    "serve": "serving",
    "worker": "working",
    "migrate": "migrating",
    "import": "importing",
    "train": "training",
    "score": "scoring",
    "models": "models",
    "keys": "keys",
    "audit": "audit",
    "rewrap": "rewrapping",
    "learn": "learning",
    "campaigns": "campaigns",
    "simulate": "simulating",
    "simulate-policy": "simulating_policy",
    "openapi": "openapi",
    "demo": "demo",
    "demo-setup": "demo_setup",
}
MOST_VIOLATIONS_SHOWN: Final = 5


class NotInstalled(AppError):
    """The command needs more than is installed."""


def build(asked: str | None) -> typer.Typer:
    """Make the command line with the command asked for, or with all of them."""
    cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    cli.callback(help=__doc__)(lambda: None)
    for name in [asked] if asked in COMMANDS else COMMANDS:
        try:
            import_module(f"app.cli.{COMMANDS[name]}").register(cli)
        except ModuleNotFoundError as error:
            if name == asked:
                raise NotInstalled(f"{name} needs {error.name}: pip install 'stayline[demo]'") from error
    return cli


def main() -> None:
    asked = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    try:
        build(asked)()
    except AppError as error:
        shown = [
            f"{v.pointer.lstrip('/')} {v.detail}"
            for v in error.violations[:MOST_VIOLATIONS_SHOWN]
            if v.detail != error.detail
        ]
        _fail("; ".join([error.detail.rstrip("."), *shown]))
    except (SettingsRefused, Unsealable) as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _fail(sentence: str) -> None:
    sys.stderr.write(f"stayline: {sentence}\n")
    raise SystemExit(1)
