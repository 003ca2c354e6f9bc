"""Opening a model graph: the only place that builds an ONNX Runtime session."""

import os

import onnxruntime

INPUT = "features"
OUTPUTS = ("probability", "logit", "contributions")
CONTRIBUTIONS = OUTPUTS[2:]


def open_session(model: bytes, *, features: int, terms: int) -> onnxruntime.InferenceSession:
    """Open a graph of `features` float32 inputs and `terms` contributions, on one thread.

    Raises ValueError if the bytes are no graph that runs here, or if its inputs and outputs are not the expected ones.
    """
    try:
        session = onnxruntime.InferenceSession(model, _options(), providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ValueError("not a graph that this runtime can open") from error
    _check_doors(session, features, terms)
    return session


def _options() -> onnxruntime.SessionOptions:
    # One thread a session: a service scales by processes, and spinning threads would take the next request's core.
    # The arena and the memory pattern keep the largest batch's memory for good: a bulk run would never give it back.
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    # A graph may ask for its weights from any file below a folder: give it a folder that cannot exist.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", f"{os.devnull}/nothing")
    options.log_severity_level = 4  # a refusal is raised, not printed
    return options


def _check_doors(session: onnxruntime.InferenceSession, features: int, terms: int) -> None:
    inputs = {door.name: (door.type, door.shape[1:]) for door in session.get_inputs()}
    outputs = {door.name: (door.type, door.shape[1:]) for door in session.get_outputs()}
    if inputs != {INPUT: ("tensor(float)", [features])}:
        raise ValueError(f"its input is not {INPUT}: float32 [N, {features}]")
    expected = {name: ("tensor(double)", [terms] if name == "contributions" else []) for name in OUTPUTS}
    if outputs != expected:
        raise ValueError(f"its outputs are not probability [N], logit [N], contributions [N, {terms}], all float64")
