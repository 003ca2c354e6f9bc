"""The model as every peer runs it: one session on one thread, asked for the probability alone."""

import os
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

GRAPH: Final = "PEER_GRAPH"  # the variable that says where the model's file is


def open_session(path: str | None = None) -> onnxruntime.InferenceSession:
    # The defaults but for threads: there is one core, and a row gives several threads nothing to share.
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path or os.environ[GRAPH], options, providers=["CPUExecutionProvider"])


def probabilities(session: onnxruntime.InferenceSession, matrix: NDArray[np.float32]) -> Any:
    """Score encoded rows [N, features]; the answer is float64 [N]."""
    return session.run(["probability"], {"features": matrix})[0]
