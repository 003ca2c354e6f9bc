"""The pointer `active.json`: which bundle is active in each role, and the receipt of the trial it passed.

It is a file, so that a service knows its bundles while the store is down. Only `change` writes it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from app.ml.bundle import BundleRefused
from app.ml.files import locked, write_atomically
from app.ml.manifest import Name, Role, Sha256, Version

POINTER: Final = "active.json"
COMMAND_LINE: Final = "command line"
_HINT: Final = "not a pointer to bundles that were tried: activate the models again"


class Choice(BaseModel):
    """One version of one model. The patterns leave no room for a path separator: nothing else can be named."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: Name
    version: Version


class Receipt(Choice):
    """What passed its trial, when it became the active one, by whose wish, and what was active before."""

    manifest_sha256: Sha256
    activated_at: AwareDatetime
    activated_by: Annotated[str, Field(min_length=1, max_length=64)]
    previous: Choice | None

    @property
    def choice(self) -> Choice:
        return Choice(name=self.name, version=self.version)


Pointer: TypeAlias = dict[Role, Receipt]
_POINTER: Final[TypeAdapter[Pointer]] = TypeAdapter(Pointer)


def read_pointer(root: Path) -> Pointer:
    """Read the receipt of each churn kind that has one. Raises BundleRefused for a file that holds something else."""
    try:
        return _POINTER.validate_json((root / POINTER).read_bytes())
    except FileNotFoundError:
        return {}
    except OSError:
        raise BundleRefused(f"{POINTER}: not readable.") from None
    except ValidationError:
        raise BundleRefused(f"{POINTER}: {_HINT}.") from None


def change(root: Path, kind: Role, next_receipt: Callable[[Receipt | None], Receipt]) -> Receipt:
    """Put what `next_receipt` makes of a kind's receipt in its place; return it.

    Of several at once, each sees what the one before it wrote. A pointer that cannot be read is begun anew: what it
    held of other kinds is put back by a service that knows it from the store, or by activating it again.
    """
    with locked(root):
        try:
            pointer = read_pointer(root)
        except BundleRefused:
            pointer = {}
        before = pointer.get(kind)
        after = next_receipt(before)
        if after != before:
            changed = dict(sorted((pointer | {kind: after}).items()))
            write_atomically(root / POINTER, _POINTER.dump_json(changed, indent=2))
        return after
