"""Where the demo lives: its folder, its database, its secrets."""

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.settings import KEY_BYTES

IBM: Final = "ibm"
OPERATOR: Final = "operator"


@dataclass(frozen=True, slots=True)
class Demo:
    """A folder only its owner may enter, and the database that belongs to it."""

    home: Path
    database_url: str
    data: str = IBM

    @property
    def is_simulated(self) -> bool:
        return self.data == OPERATOR

    @property
    def folder(self) -> Path:
        """What belongs to these data alone."""
        return folder_of(self.home, self.data)

    @property
    def models_dir(self) -> Path:
        return self.folder / "models"

    @property
    def table(self) -> Path:
        return self.folder / "telco.csv"

    @property
    def world(self) -> Path:
        return self.folder / "world"

    @property
    def description(self) -> Path:
        return self.home / "demo.json"

    def environment(self) -> dict[str, str]:
        """What the service is told."""
        told = {
            "DATABASE_URL": self.database_url,
            "STAYLINE_MASTER_KEYS": _master_key(self.home / "master.key"),
            "STAYLINE_MODELS_DIR": str(self.models_dir),
        }
        return told | ({"STAYLINE_REVENUE_FEATURES": "bill_amount"} if self.is_simulated else {})


def folder_of(home: Path, data: str) -> Path:
    return home / OPERATOR if data == OPERATOR else home


def _master_key(path: Path) -> str:
    if not path.exists():
        write_private(path, base64.b64encode(os.urandom(KEY_BYTES)).decode())
    return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
