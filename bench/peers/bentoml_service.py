"""BentoML at its best: an asynchronous method in the worker's own loop, given an array of encoded rows.

Without its access log, as we are measured without ours, and without its batching (`batchable=True`), which was slower.
"""

from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import DType

from bench.peers.onnx_model import open_session, probabilities


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Churn:
    def __init__(self) -> None:
        self._session = open_session()

    @bentoml.api  # type: ignore[untyped-decorator]
    async def score(self, features: Annotated[np.ndarray, DType("float32")]) -> np.ndarray:
        found: np.ndarray = probabilities(self._session, features)
        return found
