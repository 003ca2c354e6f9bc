"""The local registry: `<root>/<name>/<version>/`, directories that never change, and which of them are active."""

import logging
import secrets
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError

from app.errors import NotFound
from app.ml.bundle import Bundle, BundleRefused, check_reports, load_bundle, read_manifest, refusal
from app.ml.files import locked_unless_taken, sync_directory, write_durably
from app.ml.manifest import Manifest, Role, parse
from app.ml.pointer import COMMAND_LINE, POINTER, Choice, Receipt, change, read_pointer
from app.ml.trial import try_bundle

MANIFEST: Final = "manifest.json"
TICK: Final = timedelta(microseconds=1)

log = logging.getLogger(__name__)


class NothingBefore(NotFound):
    """There is no earlier model to go back to."""


class Activation(NamedTuple):
    """What is active now, and its receipt."""

    manifest: Manifest
    receipt: Receipt


def register(root: Path, manifest: bytes, files: Mapping[str, bytes]) -> Path:
    """Write a bundle, its `files` by name, to `root`/<name>/<version>/ in one step and return that directory.

    The same model on the same day is the same version: if it is there already, it stays as it is.
    Raises BundleRefused if the bundle does not load, or if its version is there for another purpose.
    """
    described = parse(manifest)
    directory = root / described.name / described.version
    draft = directory.with_name(f".{described.version}.{secrets.token_hex(8)}")
    draft.mkdir(parents=True)
    try:
        for name in described.files.keys() & files.keys():
            write_durably(draft / name, files[name])
        write_durably(draft / MANIFEST, manifest)
        check_reports(draft, load_bundle(draft).manifest)
        _rename_unless_there(draft, directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    registered = load_bundle(directory).manifest
    if (registered.role, registered.horizon_days) != (described.role, described.horizon_days):
        raise BundleRefused(f"{described.name}/{described.version} is already there for another churn kind or horizon.")
    return directory


def activate(root: Path, name: str, version: str, *, by: str = COMMAND_LINE, at: datetime | None = None) -> Activation:
    """Try a registered bundle in a process of its own and make it the active one of its churn kind.

    What is active already is tried all the same, and keeps its receipt. `at` is the time of the wish, now unless given.
    Raises BundleRefused saying why not.
    """
    choice = _chosen(name, version)
    manifest = _proven(root, choice)

    def next_receipt(before: Receipt | None) -> Receipt:
        if before and before.manifest_sha256 == manifest.manifest_sha256:
            return before
        wished_at = at or datetime.now(UTC)
        return Receipt(
            name=choice.name,
            version=choice.version,
            manifest_sha256=manifest.manifest_sha256,
            # Receipts are ordered by their time, whatever the clock does.
            activated_at=max(wished_at, before.activated_at + TICK) if before else wished_at,
            activated_by=by,
            previous=(before.previous if before.choice == choice else before.choice) if before else None,
        )

    return Activation(manifest, change(root, manifest.role, next_receipt))


def roll_back(root: Path, kind: Role | None = None) -> Activation:
    """Activate what was active before, of this churn kind or the only one. Raises NothingBefore or BundleRefused."""
    pointer = read_pointer(root)
    if kind is None and len(pointer) > 1:
        raise NothingBefore(f"Several kinds have an active model; say which: {', '.join(pointer)}.")
    receipt = pointer.get(kind) if kind else next(iter(pointer.values()), None)
    if receipt is None or receipt.previous is None:
        raise NothingBefore("No other model was active before.")
    return activate(root, receipt.previous.name, receipt.previous.version)


def catch_up(root: Path, kind: Role, receipt: Receipt) -> None:
    """Make active here what was activated elsewhere, after a trial here; leave it to another process that is at it.

    Raises BundleRefused if it is not there, or is not the same, or fails its trial.
    """
    directory = root / receipt.name / receipt.version
    if not directory.is_dir():
        raise BundleRefused(f"{receipt.name}/{receipt.version} was activated elsewhere and is not in this registry.")
    with locked_unless_taken(directory) as free:
        if not free:
            return
        manifest = _proven(root, receipt)
        if (manifest.role, manifest.manifest_sha256) != (kind, receipt.manifest_sha256):
            raise refusal(directory / MANIFEST, "it is not the one that was activated elsewhere")
        change(root, kind, lambda now: now if now and now.activated_at > receipt.activated_at else receipt)


def active_bundles(root: Path) -> dict[str, Bundle]:
    """Load the active bundle of each churn kind that has one. Raises BundleRefused if one of them is damaged."""
    return {kind: load_active(root, kind, receipt) for kind, receipt in read_pointer(root).items()}


def load_active(root: Path, kind: str, receipt: Receipt) -> Bundle:
    """Load what a receipt stands for. Its checksum spares a second trial. Raises BundleRefused."""
    bundle = load_bundle(root / receipt.name / receipt.version, receipt.manifest_sha256)
    if bundle.manifest.role != kind:
        raise BundleRefused(f"{POINTER}: {receipt.name}/{receipt.version} does not model {kind}.")
    return bundle


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
    for path in sorted(root.glob(f"[!.]*/[!.]*/{MANIFEST}")):
        try:
            manifests.append(read_manifest(path.parent))
        except BundleRefused as refused:
            log.warning("left out of the list of models: %s", refused.detail)
    return manifests


def _proven(root: Path, choice: Choice) -> Manifest:
    directory = root / choice.name / choice.version
    manifest = try_bundle(directory)
    if (manifest.name, manifest.version) != (choice.name, choice.version):
        raise refusal(directory / MANIFEST, "it describes another version")
    return manifest


def _chosen(name: str, version: str) -> Choice:
    try:
        return Choice(name=name, version=version)
    except ValidationError:
        raise BundleRefused("There is no model of that name and version.") from None


def _rename_unless_there(draft: Path, directory: Path) -> None:
    # Tried and not asked first: another process may register the same version in between.
    try:
        draft.rename(directory)
    except OSError:
        if not directory.is_dir():
            raise
    sync_directory(directory.parent)
