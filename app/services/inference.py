"""Scores as the Open Inference Protocol (version 2) asks for them: columns in, columns out, by the same scorer."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.domain.features import Feature, FeatureType, FeatureValue
from app.errors import Invalid, NotFound, Violation, json_pointer
from app.ml import drivers, scorer
from app.ml.bundle import Bundle
from app.ml.features import FeaturesRefused, complete, encode
from app.ml.manifest import UPLIFT
from app.ml.traffic import Traffic
from app.schemas.inference import (
    InferenceRead,
    InferenceRequest,
    InputTensor,
    OutputTensor,
    ServedModelRead,
    TensorRead,
)
from app.services.scores import AT_ONCE, Bundles
from app.settings import Settings

DATATYPES: Final[Mapping[FeatureType, str]] = {
    FeatureType.NUMBER: "FP64",
    FeatureType.BOOLEAN: "BOOL",
    FeatureType.CATEGORY: "BYTES",
    FeatureType.DATE: "BYTES",
}
PROBABILITY: Final = "probability"
LOGIT: Final = "logit"
CONTRIBUTIONS: Final = "contributions"
OUTPUTS: Final = (PROBABILITY, LOGIT, CONTRIBUTIONS)
PLATFORM: Final = "onnxruntime_onnx"


class NotServed(NotFound):
    """No such model is served here."""


class TensorsRefused(Invalid):
    """The tensors do not fit the model."""


def get_served(bundles: Bundles, name: str, version: str | None = None) -> Bundle:
    """Return the active bundle of a model's name; of another version there is none."""
    for kind, bundle in bundles.items():
        manifest = bundle.manifest
        if kind != UPLIFT and manifest.name == name and version in {None, manifest.version}:
            return bundle
    raise NotServed("no such version of a model is served here")


def describe(bundle: Bundle) -> ServedModelRead:
    features = _sent(bundle)
    return ServedModelRead(
        name=bundle.manifest.name,
        versions=[bundle.manifest.version],
        platform=PLATFORM,
        inputs=[TensorRead(name=each.name, datatype=DATATYPES[each.type], shape=[-1]) for each in features],
        outputs=[
            TensorRead(name=PROBABILITY, datatype="FP64", shape=[-1]),
            TensorRead(name=LOGIT, datatype="FP64", shape=[-1]),
            TensorRead(name=CONTRIBUTIONS, datatype="FP64", shape=[-1, len(bundle.contract.features)]),
        ],
    )


async def infer(
    bundle: Bundle, request: InferenceRequest, traffic: Traffic, settings: Settings, at: datetime
) -> tuple[InferenceRead, list[str]]:
    """Score each row; returns the answer and each row's band. Raises TensorsRefused naming the input that does not fit.

    Output `contributions` [N, features] are in log-odds, as `drivers` of POST /v1/scores.
    """
    wanted = [output.name for output in request.outputs or ()] or list(OUTPUTS)
    if unknown := [place for place, name in enumerate(wanted) if name not in OUTPUTS]:
        raise TensorsRefused.at(f"/outputs/{unknown[0]}/name", f"is none of {', '.join(OUTPUTS)}")
    matrix = await _matrix(bundle, request.inputs, settings.today(at))
    results = scorer.score(bundle, matrix)
    traffic.note(bundle, matrix, results.probability, at.date())
    found = {
        PROBABILITY: results.probability,
        LOGIT: results.logit,
        CONTRIBUTIONS: drivers.shares(bundle, results.contributions),
    }
    answer = InferenceRead(
        model_name=bundle.manifest.name,
        model_version=bundle.manifest.version,
        id=request.id,
        outputs=[_tensor(name, found[name]) for name in wanted],
    )
    return answer, [str(drivers.band(bundle.manifest.bands, each)) for each in results.probability.tolist()]


def _sent(bundle: Bundle) -> Sequence[Feature]:
    """The features that are sent, and not derived from others."""
    manifest = bundle.manifest
    features = [feature.to_feature() for feature in (*manifest.features, *manifest.accepted)]
    return [feature for feature in features if feature.name in bundle.contract.needed]


async def _matrix(bundle: Bundle, inputs: Sequence[InputTensor], today: date) -> NDArray[np.float32]:
    columns = _columns(inputs)
    rows = []
    for number, values in enumerate(zip(*columns.values(), strict=True)):
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)  # others are waiting
        row = dict(zip(columns, values, strict=True))
        try:
            rows.append(encode(bundle.contract, complete(bundle.contract, row, today)))
        except FeaturesRefused as refusal:
            raise _named(refusal, list(columns), number) from None
    return np.concatenate(rows)


def _columns(inputs: Sequence[InputTensor]) -> dict[str, list[FeatureValue]]:
    columns: dict[str, list[FeatureValue]] = {}
    rows = inputs[0].shape[0]
    for place, tensor in enumerate(inputs):
        if tensor.name in columns:
            raise TensorsRefused.at(f"/inputs/{place}/name", "stands there twice")
        if tensor.shape[0] != rows or tensor.shape[1:] not in ([], [1]):
            raise TensorsRefused.at(f"/inputs/{place}/shape", "must be one value a row, and as many rows as the first")
        if len(tensor.data) != rows:
            raise TensorsRefused.at(f"/inputs/{place}/data", "does not hold as many values as its shape says")
        columns[tensor.name] = tensor.data
    return columns


def _named(refusal: FeaturesRefused, names: Sequence[str], row: int) -> TensorsRefused:
    """Say of a refused row's features which inputs they are, or that there is none."""
    found = []
    for pointer, detail in refusal.violations:
        name = pointer.removeprefix("/features/").replace("~1", "/").replace("~0", "~")
        if name in names:
            found.append(Violation(json_pointer("inputs", names.index(name), "data"), f"{detail} (row {row})"))
        else:
            found.append(Violation("/inputs", f"{name} {detail}"))
    return TensorsRefused("some inputs do not fit the model", found)


def _tensor(name: str, values: NDArray[np.float64]) -> OutputTensor:
    return OutputTensor(name=name, shape=list(values.shape), datatype="FP64", data=values.ravel().tolist())
