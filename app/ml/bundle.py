"""A bundle: one model and its manifest, checked and ready to score."""

import hashlib
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from app.errors import Invalid
from app.ml.features import Contract
from app.ml.graph import check_graph
from app.ml.manifest import ARM, MODEL, Canary, Manifest, parse
from app.ml.session import INPUT, OUTPUTS, open_session

# What a model of 300 features needs many times over, and a process can lose without harm.
LARGEST_MANIFEST = 8 * 2**20
LARGEST_MODEL = 64 * 2**20
LARGEST_REPORT = 64 * 2**20
ADDITIVITY = 1e-6
EXACT = 1e-9


class BundleRefused(Invalid):
    """The bundle cannot be used."""


class Parts(NamedTuple):
    terms: NDArray[np.intp]
    weights: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A checked model: `parts` share each term's contribution out among its features.

    Part by part, `parts.terms` [parts, features] names a term of each feature and `parts.weights` [parts, features] how
    much of it is that feature's.
    """

    manifest: Manifest
    session: onnxruntime.InferenceSession
    contract: Contract
    parts: Parts

    @property
    def sha256(self) -> str:
        return self.manifest.files[MODEL]


def load_bundle(directory: Path, manifest_sha256: str | None = None) -> Bundle:
    """Load and check `directory`'s manifest.json and model.onnx; with a checksum, only that very manifest's.

    The model is read once: the bytes that were hashed and walked through are the bytes that run.
    Raises BundleRefused naming the file and what is wrong with it.
    """
    manifest = read_manifest(directory)
    if manifest_sha256 not in {None, manifest.manifest_sha256}:
        raise refusal(directory / "manifest.json", "it is not what was tried and activated: activate it again")
    model = _read_as(directory / MODEL, manifest.files[MODEL], LARGEST_MODEL)
    try:
        return bundle_of(manifest, model)
    except ValueError as error:
        raise refusal(directory / MODEL, str(error)) from error


def bundle_of(manifest: Manifest, model: bytes) -> Bundle:
    """Open `model` as the manifest describes it. Raises ValueError if it is something else."""
    check_graph(model)
    session = open_session(model, features=len(manifest.features), terms=len(manifest.terms))
    _check_canary(session, manifest)
    return Bundle(manifest, session, _contract(manifest), _parts(manifest))


def read_manifest(directory: Path) -> Manifest:
    """Read and check `directory`'s manifest.json alone. Raises BundleRefused as `load_bundle` does."""
    path = directory / "manifest.json"
    text = _read(path, LARGEST_MANIFEST)
    try:
        return parse(text)
    except ValueError as error:
        raise refusal(path, str(error)) from None


def check_reports(directory: Path, manifest: Manifest) -> None:
    """Check the files that are beside the model for people to read. Raises BundleRefused as `load_bundle` does."""
    for name in manifest.files.keys() - {MODEL}:
        _read_as(directory / name, manifest.files[name], LARGEST_REPORT)


def canary_of(session: onnxruntime.InferenceSession, rows: NDArray[np.float32]) -> Canary:
    """Note what a model that is known to be right answers to encoded rows [1..32, features]: they must be made up."""
    _, logits, _ = session.run(OUTPUTS, {INPUT: rows})
    cells = [tuple(None if cell != cell else cell for cell in row) for row in rows.tolist()]  # noqa: PLR0124  # NaN alone differs from itself
    return Canary(rows=tuple(cells), logits=tuple(logits.tolist()))


def refusal(path: Path, reason: str) -> BundleRefused:
    """Name a bundle's file and what is wrong with it."""
    return BundleRefused(f"{path.name} of {path.parent.parent.name}/{path.parent.name}: {reason}.")


def _check_canary(session: onnxruntime.InferenceSession, manifest: Manifest) -> None:
    """Let the graph answer the manifest's canary: as it did when it was released, and adding up exactly."""
    rows = np.array(manifest.canary.rows, np.float32)  # None becomes NaN
    try:
        probability, logit, contributions = session.run(OUTPUTS, {INPUT: rows})
    except Exception as error:
        raise ValueError("it does not run") from error
    count, parts = len(rows), manifest.intercept + contributions.sum(axis=-1)
    sigmoid = (1 + np.tanh(logit / 2)) / 2
    for holds, otherwise in (
        (probability.shape == logit.shape == parts.shape == (count,), "it does not give one answer a row"),
        (_within(parts, logit, ADDITIVITY), "its answer does not add up with the manifest's intercept"),
        (_within(logit, np.array(manifest.canary.logits), EXACT), "it does not answer the canary rows as it should"),
        (_within(probability, sigmoid, EXACT), "its probability is not the one that belongs to its logit"),
    ):
        if not holds:
            raise ValueError(otherwise)


def _within(one: NDArray[np.float64], other: NDArray[np.float64], tolerance: float) -> bool:
    return one.shape == other.shape and bool((np.abs(one - other) <= tolerance).all())  # false for NaN


def _contract(manifest: Manifest) -> Contract:
    return Contract.of(
        [feature.to_feature() for feature in manifest.features],
        [(derived.name, derived.parsed()) for derived in manifest.derived],
        [feature.to_feature() for feature in manifest.accepted],
    )


def _parts(manifest: Manifest) -> Parts:
    # A pair's contribution belongs to both features and nothing says to which more: half and half. What an action does
    # together with a feature is that feature's alone: it says for whom the action works.
    arm = [feature.name for feature in manifest.features].index(ARM) if manifest.uplift else -1
    owned: list[list[tuple[int, float]]] = [[] for _ in manifest.features]
    for index, term in enumerate(manifest.terms):
        owners = [feature for feature in term if feature != arm] or [arm]
        for feature in owners:
            owned[feature].append((index, 1 / len(owners)))
    # Of who owns fewer terms than others the rest weighs nothing.
    filled = np.array(list(zip_longest(*owned, fillvalue=(0, 0.0))))
    return Parts(filled[:, :, 0].astype(np.intp), filled[:, :, 1])


def _read_as(path: Path, sha256: str, largest: int) -> bytes:
    content = _read(path, largest)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise refusal(path, "its checksum is not the one in the manifest")
    return content


def _read(path: Path, largest: int) -> bytes:
    try:
        if path.stat().st_size > largest:
            raise refusal(path, f"larger than {largest} bytes")
        return path.read_bytes()
    except OSError:
        raise refusal(path, "missing or not readable") from None
