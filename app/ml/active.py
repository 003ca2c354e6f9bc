"""What is active, in memory: a mapping from churn kind to bundle that follows the pointer."""

import logging
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Final

from app.ml.bundle import Bundle, BundleRefused
from app.ml.pointer import POINTER, Receipt, read_pointer
from app.ml.registry import active_bundles, load_active
from app.observability import tell

RETRY_SECONDS: Final = 30.0


class Refusals:
    """What is refused right now, by churn kind: told once for each reason, and tried again after a while."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Receipt | None, str, float]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def stands(self, place: str, receipt: Receipt) -> bool:
        """Tell whether this very receipt was refused moments ago."""
        known = self._known.get(place)
        return known is not None and known[0] == receipt and time.monotonic() < known[2] + RETRY_SECONDS

    def note(self, place: str, reason: str, receipt: Receipt | None = None) -> None:
        known = self._known.get(place)
        if known is None or known[:2] != (receipt, reason):
            tell("model refused", level=logging.WARNING, of=place, reason=reason)
        self._known[place] = (receipt, reason, time.monotonic())

    def forget(self, place: str) -> None:
        self._known.pop(place, None)


class ActiveBundles(Mapping[str, Bundle]):
    """The active bundles. A switch is one assignment, so a reader sees what was or what is, and never a mixture."""

    def __init__(self, root: Path) -> None:
        """Load what is active now. Raises BundleRefused if one of them is damaged."""
        self.root = root
        self.refusals = Refusals()
        self._bundles = active_bundles(root)
        self._following = Lock()

    def __getitem__(self, kind: str) -> Bundle:
        return self._bundles[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._bundles)

    def __len__(self) -> int:
        return len(self._bundles)

    def follow(self) -> None:
        """Take up what the pointer says by now. What is refused, or gone, leaves in place what was active before."""
        with self._following:
            try:
                pointer = read_pointer(self.root)
            except BundleRefused as refused:
                self.refusals.note(POINTER, refused.detail)
                return
            self.refusals.forget(POINTER)
            changed = {kind: bundle for kind, receipt in pointer.items() if (bundle := self._find(kind, receipt))}
            if changed:
                self._bundles = self._bundles | changed
                tell("switched", models={kind: bundle.manifest.version for kind, bundle in changed.items()})

    def _find(self, kind: str, receipt: Receipt) -> Bundle | None:
        """Load what a receipt stands for, unless it is loaded already or was refused moments ago."""
        bundle = self._bundles.get(kind)
        if bundle and bundle.manifest.manifest_sha256 == receipt.manifest_sha256:
            self.refusals.forget(kind)
            return None
        if self.refusals.stands(kind, receipt):
            return None
        try:
            found = load_active(self.root, kind, receipt)
        except BundleRefused as refused:
            self.refusals.note(kind, refused.detail, receipt)
            return None
        self.refusals.forget(kind)
        return found
