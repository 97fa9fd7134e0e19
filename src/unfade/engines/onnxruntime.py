"""ONNX Runtime: the widest choice of machines; on a CPU in 32-bit floats."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EngineError

# Since 2026 ONNX Runtime reports sessions, models and errors to its maker and keeps an identifier
# in the home folder, on every system, unless told not to before it is loaded; its own
# `disable_telemetry_events` comes too late, except on Windows.
os.environ["ORT_DISABLE_TELEMETRY"] = os.environ["ORT_TELEMETRY_DISABLED"] = "1"

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as state

REFUSALS: tuple[type[Exception], ...] = (
    *(
        kind
        for kind in vars(state).values()
        if isinstance(kind, type) and kind.__base__ is Exception
    ),
    RuntimeError,
    ValueError,
)
"""What ONNX Runtime raises; its own kinds have no common base below `Exception`."""


class OnnxRuntime:
    """Loads networks into ONNX Runtime.

    Args:
        threads: Threads within one call; 0 takes one per core.
    """

    name = "onnxruntime"
    number_bytes = 4

    def __init__(self, threads: int = 0) -> None:
        onnxruntime.disable_telemetry_events()
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads
        self._options.log_severity_level = 4

    def load(self, path: Path, exact: bool = False) -> OnnxRuntimeNetwork:
        """Make a network of an ONNX file; it is always exact.

        Raises:
            EngineError: The file is missing, is not ONNX or holds what the engine cannot do.
        """
        try:
            session = onnxruntime.InferenceSession(
                str(path), self._options, providers=["CPUExecutionProvider"]
            )
        except REFUSALS as error:
            raise EngineError(f"onnxruntime cannot load {path}: {_line(error)}") from error
        return OnnxRuntimeNetwork(session, path.stem)


class OnnxRuntimeNetwork:
    """A network in ONNX Runtime, whose sessions can be run by several threads at once."""

    def __init__(self, session: Any, name: str) -> None:
        self._session = session
        self._name = name
        self._inputs = [entry.name for entry in session.get_inputs()]
        self._output = session.get_outputs()[0].name

    def __call__(self, *arrays: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run it once; see `Network`.

        Raises:
            EngineError: The arrays do not fit the network.
        """
        if len(arrays) != len(self._inputs):
            raise EngineError(f"{self._name} takes {len(self._inputs)} inputs, got {len(arrays)}")
        try:
            feed = dict(zip(self._inputs, arrays, strict=True))
            (answer,) = self._session.run([self._output], feed)
        except REFUSALS as error:
            seen = ", ".join(str(array.shape) for array in arrays)
            message = f"onnxruntime cannot run {self._name} on {seen}: {_line(error)}"
            raise EngineError(message) from error
        return np.asarray(answer, np.float32)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
