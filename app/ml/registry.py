"""The local registry: `<root>/<name>/<version>/`, and the pointer to what is active.

The pointer is a file so that a service knows its bundles while the store is down. One writer at a time: two that
activate different kinds in the same moment may lose one of the two; readers always see a whole pointer.
"""

import json
import logging
import os
import secrets
import shutil
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from app.ml.bundle import Bundle, BundleRefused, load_bundle, read_manifest
from app.ml.manifest import MODEL, ChurnKind, Manifest, Name, Version, parse

POINTER = "active.json"

log = logging.getLogger(__name__)


class Choice(BaseModel):
    """Which bundle is active for one churn kind."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: Name
    version: Version


_Pointer: TypeAlias = dict[ChurnKind, Choice]
_POINTER: TypeAdapter[_Pointer] = TypeAdapter(_Pointer)


def register(root: Path, manifest: bytes, model: bytes) -> Path:
    """Write a bundle to `root`/<name>/<version>/ in one step and return that directory.

    The same model on the same day is the same version: if it is there already, it stays as it is.
    Raises BundleRefused if the bundle does not load, or if its version is there for another purpose.
    """
    described = parse(manifest)
    directory = root / described.name / described.version
    draft = directory.with_name(f".{described.version}.{secrets.token_hex(8)}")
    draft.mkdir(parents=True)
    try:
        write_durably(draft / MODEL, model)
        write_durably(draft / "manifest.json", manifest)
        load_bundle(draft)
        _rename_unless_there(draft, directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    registered = load_bundle(directory).manifest
    if (registered.churn_kind, registered.horizon_days) != (described.churn_kind, described.horizon_days):
        raise BundleRefused(f"{described.name}/{described.version} is already there for another churn kind or horizon.")
    return directory


def activate(root: Path, name: str, version: str) -> Bundle:
    """Make a registered bundle the active one of its churn kind, after loading it. Raises BundleRefused."""
    bundle = _load(root, _chosen(name, version))
    chosen = _read_pointer(root) | {bundle.manifest.churn_kind: Choice(name=name, version=version)}
    write_atomically(root / POINTER, json.dumps(_POINTER.dump_python(chosen), indent=2, sort_keys=True).encode())
    return bundle


def active_bundles(root: Path) -> dict[str, Bundle]:
    """Load the active bundle of each churn kind that has one. Raises BundleRefused if one of them is damaged."""
    bundles: dict[str, Bundle] = {}
    for kind, choice in _read_pointer(root).items():
        bundle = bundles[kind] = _load(root, choice)
        if bundle.manifest.churn_kind != kind:
            raise BundleRefused(f"{POINTER}: {choice.name}/{choice.version} does not model {kind}.")
    return bundles


def find_manifest(root: Path, name: str, version: str) -> Manifest | None:
    """Read one registered manifest, or None if there is no such version. Raises BundleRefused if it is damaged."""
    try:
        choice = _chosen(name, version)
    except BundleRefused:
        return None
    directory = root / choice.name / choice.version
    return read_manifest(directory) if directory.is_dir() else None


def list_manifests(root: Path) -> list[Manifest]:
    """List what is registered, by name and version. A damaged manifest is left out, and the log says why."""
    manifests = []
    for path in sorted(root.glob("[!.]*/[!.]*/manifest.json")):
        try:
            manifests.append(read_manifest(path.parent))
        except BundleRefused as refusal:
            log.warning("left out of the list of models: %s", refusal.detail)
    return manifests


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file so that a reader, even after a power cut, finds the old content or the new, never a part."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        write_durably(draft, content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(path.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Write a new file and wait until the disk has it."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _rename_unless_there(draft: Path, directory: Path) -> None:
    # Tried and not asked first: another process may register the same version in between.
    try:
        draft.rename(directory)
    except OSError:
        if not directory.is_dir():
            raise
    sync_directory(directory.parent)


def sync_directory(directory: Path) -> None:
    """Make a rename in this directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _chosen(name: str, version: str) -> Choice:
    # The patterns of Name and Version leave no room for a path separator, so nothing outside the registry can be named.
    try:
        return Choice(name=name, version=version)
    except ValidationError:
        raise BundleRefused("There is no model of that name and version.") from None


def _load(root: Path, choice: Choice) -> Bundle:
    bundle = load_bundle(root / choice.name / choice.version)
    if (bundle.manifest.name, bundle.manifest.version) != (choice.name, choice.version):
        raise BundleRefused(f"manifest.json of {choice.name}/{choice.version}: it describes another version.")
    return bundle


def _read_pointer(root: Path) -> _Pointer:
    path = root / POINTER
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return {}
    try:
        return _POINTER.validate_json(text)
    except ValidationError:
        raise BundleRefused(f"{POINTER}: not a pointer to active bundles.") from None
