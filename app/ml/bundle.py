"""A bundle: one model and its manifest, checked and ready to score."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from app.errors import Invalid
from app.ml.features import Contract
from app.ml.manifest import MODEL, Manifest, parse
from app.ml.session import INPUT, OUTPUTS, open_session

LARGEST_MANIFEST = 16 * 2**20
LARGEST_MODEL = 512 * 2**20
ADDITIVITY = 1e-6


class BundleRefused(Invalid):
    """The bundle cannot be used."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A checked model: `fold` [terms, features] shares each term's contribution out among its features."""

    manifest: Manifest
    session: onnxruntime.InferenceSession
    contract: Contract
    fold: NDArray[np.float64]

    @property
    def sha256(self) -> str:
        return self.manifest.files[MODEL]


def load_bundle(directory: Path) -> Bundle:
    """Load and check `directory`'s manifest.json and model.onnx.

    The model is read once: the bytes that were hashed are the bytes that run.
    Raises BundleRefused naming the file and what is wrong with it.
    """
    manifest = read_manifest(directory)
    path = directory / MODEL
    model = _read(path, LARGEST_MODEL)
    if hashlib.sha256(model).hexdigest() != manifest.files[MODEL]:
        raise _refused(path, "its checksum is not the one in the manifest")
    try:
        return bundle_of(manifest, model)
    except ValueError as error:
        raise _refused(path, str(error)) from error


def bundle_of(manifest: Manifest, model: bytes) -> Bundle:
    """Open `model` as the manifest describes it. Raises ValueError if it is something else."""
    session = open_session(model, features=len(manifest.features), terms=len(manifest.terms))
    _check_first_answer(session, manifest)
    return Bundle(manifest, session, _contract(manifest), _fold(manifest))


def read_manifest(directory: Path) -> Manifest:
    """Read and check `directory`'s manifest.json alone. Raises BundleRefused as `load_bundle` does."""
    path = directory / "manifest.json"
    text = _read(path, LARGEST_MANIFEST)
    try:
        return parse(text)
    except ValueError as error:
        raise _refused(path, str(error)) from None


def _check_first_answer(session: onnxruntime.InferenceSession, manifest: Manifest) -> None:
    # One row of missing values: the graph must run and add up to its logit with the intercept that the manifest states.
    nothing_known = np.full((1, len(manifest.features)), np.nan, np.float32)
    try:
        probability, logit, contributions = session.run(OUTPUTS, {INPUT: nothing_known})
    except Exception as error:
        raise ValueError("it does not run") from error
    if not abs(manifest.intercept + contributions.sum() - logit[0]) <= ADDITIVITY or not 0 <= probability[0] <= 1:
        raise ValueError("its answer does not add up with the manifest's intercept")


def _contract(manifest: Manifest) -> Contract:
    return Contract.of(
        [feature.to_feature() for feature in manifest.features],
        [(derived.name, derived.parsed()) for derived in manifest.derived],
        [feature.to_feature() for feature in manifest.accepted],
    )


def _fold(manifest: Manifest) -> NDArray[np.float64]:
    # A pair's contribution belongs to both features and nothing says to which more: half and half.
    fold = np.zeros((len(manifest.terms), len(manifest.features)))
    for index, term in enumerate(manifest.terms):
        fold[index, list(term)] = 1 / len(term)
    return fold


def _read(path: Path, largest: int) -> bytes:
    try:
        if path.stat().st_size > largest:
            raise _refused(path, f"larger than {largest} bytes")
        return path.read_bytes()
    except OSError:
        raise _refused(path, "missing or not readable") from None


def _refused(path: Path, reason: str) -> BundleRefused:
    return BundleRefused(f"{path.name} of {path.parent.parent.name}/{path.parent.name}: {reason}.")
