"""MLflow at its best: a pyfunc model that hands what it is given to ONNX Runtime, with no signature to enforce.

Run with the model's file and a folder, it saves itself there; MLflow loads the same lines again to serve them.
"""

import sys
from typing import Any

import mlflow
import numpy as np
from mlflow.pyfunc import PythonModel, PythonModelContext

from bench.peers.onnx_model import open_session, probabilities


class Churn(PythonModel):  # type: ignore[misc]  # the peer is installed in its own environment alone
    def load_context(self, context: PythonModelContext) -> None:
        self._session = open_session(context.artifacts["graph"])

    def predict(self, context: PythonModelContext, model_input: Any, params: Any = None) -> Any:  # noqa: ARG002  # MLflow's signature
        return probabilities(self._session, np.asarray(model_input, np.float32))


if __name__ == "__main__":
    graph, folder = sys.argv[1:]
    mlflow.pyfunc.save_model(folder, python_model=__file__, artifacts={"graph": graph}, pip_requirements=[])
else:
    mlflow.models.set_model(Churn())
