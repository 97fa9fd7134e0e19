"""What runs a network: a `Network` is called on arrays, an `Engine` loads one from ONNX.

The backends are imported when chosen, never by this file.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import EngineError


class Network(Protocol):
    """A loaded network. Calls may come from several threads; they do not disturb each other."""

    def __call__(self, *arrays: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run it once.

        Args:
            arrays: One (N, C, H, W) float32 array per input, in the order of the ONNX file. They
                are only read.
        Returns:
            The first output as float32, batch axis kept; the caller's own memory.
        Raises:
            EngineError: The arrays do not fit the network.
        """
        ...


class Engine(Protocol):
    """Something that runs networks.

    Attributes:
        name: One of `ENGINES`, with the precision it computes in: `openvino-bf16`.
        number_bytes: Bytes of a number between two layers: 4, or 2 in bf16.
    """

    name: str
    number_bytes: int

    def load(self, path: Path, exact: bool = False) -> Network:
        """Make a network of an ONNX file.

        Args:
            exact: Compute in 32-bit floats, whatever the engine's precision.
        Raises:
            EngineError: The file is missing, is not ONNX or holds what the engine cannot do.
        """
        ...


ENGINES: Mapping[str, str] = {
    "openvino": "OpenVINO on the CPU; bf16 where the processor has it, else fp32",
    "openvino-fp32": "OpenVINO on the CPU in 32-bit floats",
    "openvino-bf16": "OpenVINO on the CPU in bf16: half the time, 8 bits of mantissa",
    "onnxruntime": "ONNX Runtime on the CPU in 32-bit floats",
}
"""The names a person can ask for, beside `auto`, and what they are."""

_INSTALL = {"openvino": "openvino", "onnxruntime": "'unfade[onnxruntime]'"}


def open_engine(name: str = "auto", *, threads: int = 0) -> Engine:
    """Open an engine by name, importing its backend.

    Args:
        name: One of `ENGINES`; `auto` is `openvino` if that is installed, else `onnxruntime`.
        threads: Threads to compute with; 0 lets the engine choose, which is one per core.
    Raises:
        EngineError: No such engine, or its backend is not installed.
        ValueError: A negative number of threads.
    """
    if threads < 0:
        raise ValueError(f"threads must be 0 (the engine chooses) or more, got {threads}")
    if name == "auto":
        name = "openvino" if importlib.util.find_spec("openvino") else "onnxruntime"
    if name not in ENGINES:
        raise EngineError(f"no engine {name!r}; known: auto, {', '.join(ENGINES)}")
    backend, _, precision = name.partition("-")
    try:
        return _open(backend, precision, threads)
    except ImportError as error:
        raise EngineError(
            f"{backend} is not installed: pip install {_INSTALL[backend]} ({error})"
        ) from error


def _open(backend: str, precision: str, threads: int) -> Engine:
    if backend == "openvino":
        from .openvino import OpenVino

        return OpenVino(precision, threads)
    from .onnxruntime import OnnxRuntime

    return OnnxRuntime(threads)
