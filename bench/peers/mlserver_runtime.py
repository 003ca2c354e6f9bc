"""MLServer at its best: a runtime of one's own in the serving process, given encoded rows.

One tensor is its best case; an input a feature is how a client asks that knows columns.
"""

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

from bench.peers.onnx_model import open_session, probabilities


class Churn(MLModel):  # type: ignore[misc]  # the peer is installed in its own environment alone
    async def load(self) -> bool:
        self._session = open_session()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        parts = [NumpyCodec.decode_input(each) for each in payload.inputs]
        found = probabilities(self._session, parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1))
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("probability", found)])
