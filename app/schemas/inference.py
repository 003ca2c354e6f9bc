"""Tensors as the Open Inference Protocol (version 2) writes them in JSON."""

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from app.schemas.base import MOST_ITEMS, FeatureName, Label, PlainName, Scalar, Wire

MOST_INPUTS: Final = 500

Datatype = Literal[
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"
]
Dimension = Annotated[int, Field(strict=True, ge=1, le=MOST_ITEMS)]


def _flattened(value: Any) -> Any:
    """A column of one a row may be written as such: [[1], [2]] for [1, 2]."""
    if isinstance(value, list) and all(isinstance(row, list) and len(row) == 1 for row in value):
        return [row[0] for row in value]
    return value


class Parameters(Wire):
    """What clients say besides of a request or a tensor."""

    content_type: Label | None = None


class InputTensor(Wire):
    """One feature, a value a row."""

    name: FeatureName
    shape: Annotated[list[Dimension], Field(min_length=1, max_length=2)]
    datatype: Datatype
    parameters: Parameters | None = None
    data: Annotated[list[Scalar], Field(max_length=MOST_ITEMS), BeforeValidator(_flattened)]


class RequestedOutput(Wire):
    name: PlainName
    parameters: Parameters | None = None


class InferenceRequest(Wire):
    """Rows to score, an input a feature; a feature that is not sent is not known."""

    id: Label | None = None
    parameters: Parameters | None = None
    inputs: Annotated[list[InputTensor], Field(min_length=1, max_length=MOST_INPUTS)]
    outputs: Annotated[list[RequestedOutput] | None, Field(max_length=3)] = None


class OutputTensor(Wire):
    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class InferenceRead(Wire):
    model_name: str
    model_version: str
    id: str | None
    outputs: list[OutputTensor]


class TensorRead(Wire):
    """A door of the model; -1 is the number of rows."""

    name: str
    datatype: str
    shape: list[int]


class ServedModelRead(Wire):
    """What a model takes and gives. `contributions` hold one column a feature, in the order of `inputs`."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorRead]
    outputs: list[TensorRead]


class ModelReadyRead(Wire):
    name: str
    ready: bool


class ServerReadyRead(Wire):
    ready: bool


class ServerLiveRead(Wire):
    live: bool


class ServerRead(Wire):
    name: str
    version: str
    extensions: list[str]
