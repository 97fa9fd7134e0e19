"""OpenVINO: the fastest on a plain CPU, with bf16 where the processor has it.

Inputs keep their height and width open. On an EPYC 9004 a U-Net of 32 to 96 channels took the same
time per 1024 x 1024 tile whether compiled for that size or not, while compiling costs 50 to 120 ms
for each size; bf16 took half the time of fp32.
"""

from __future__ import annotations

import contextlib
import functools
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EngineError


@contextlib.contextmanager
def _telemetry_hidden() -> Iterator[None]:
    """Make `openvino_telemetry` look absent while `openvino` is imported.

    OpenVINO's import reports itself to an analytics server unless that package is missing, in
    which case it uses a stub that does nothing. A library for private photos must not call home.
    """
    known = {name: sys.modules[name] for name in sys.modules if _is_telemetry(name)}
    for name in known:
        del sys.modules[name]
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["openvino_telemetry"]
        sys.modules.update(known)


def _is_telemetry(name: str) -> bool:
    return name.partition(".")[0] == "openvino_telemetry"


with _telemetry_hidden():
    import openvino


@functools.cache
def _core() -> Any:
    """OpenVINO's core, one for the whole process, never closed.

    Its plugin gives the thread that opens it a stack to handle signals on. Closed by another thread
    it takes that stack away from under the first, and the next Ctrl-C was a segmentation fault.
    """
    return openvino.Core()


class OpenVino:
    """Loads networks into OpenVINO's CPU plugin.

    Args:
        precision: `fp32`, `bf16`, or empty for bf16 where the processor has it, else fp32.
        threads: Threads within one call; 0 takes one per core.

    Raises:
        EngineError: bf16 was asked for and the processor does not have it.
    """

    def __init__(self, precision: str = "", threads: int = 0) -> None:
        self._core = _core()
        has_bf16 = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision == "bf16" and not has_bf16:
            raise EngineError("this processor has no bf16; use openvino-fp32 or openvino")
        precision = precision or ("bf16" if has_bf16 else "fp32")
        self.name = f"openvino-{precision}"
        self.number_bytes = {"fp32": 4, "bf16": 2}[precision]
        self._config: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
            "PERFORMANCE_HINT": "LATENCY",
            # Pinned threads of two processes share the first core while others idle: two workers
            # of one thread took 1.5 s for what takes 0.9 s unpinned; alone it makes no difference.
            "ENABLE_CPU_PINNING": False,
            # It keeps what it prepared for each of the last 5,000 shapes of each layer, and photos
            # come in all sizes: a batch grew by half a MiB with every photo.
            "CPU_RUNTIME_CACHE_CAPACITY": "64",
        }
        if threads:
            self._config["INFERENCE_NUM_THREADS"] = threads

    def load(self, path: Path, exact: bool = False) -> OpenVinoNetwork:
        """Make a network of an ONNX file.

        Args:
            exact: Compute in 32-bit floats, whatever the engine's precision.
        Raises:
            EngineError: The file is missing, is not ONNX or holds what the engine cannot do.
        """
        if not path.is_file():
            raise EngineError(f"openvino cannot load {path}: no such file")
        config = self._config | ({"INFERENCE_PRECISION_HINT": "f32"} if exact else {})
        try:
            model = self._core.read_model(str(path))
            return OpenVinoNetwork(
                model, lambda: self._core.compile_model(model, "CPU", config), path.stem
            )
        except RuntimeError as error:
            raise EngineError(f"openvino cannot load {path}: {_line(error)}") from error


class OpenVinoNetwork:
    """A network in OpenVINO. One call at a time; others wait, as one uses all cores already.

    The shapes of a call are tried on the network's description first, which takes 10 ms when they
    are new. Compiled networks cannot be trusted with shapes that do not fit: on one thread
    OpenVINO 2026.4 gives the answer to the call before, on several it fails and goes on failing.
    """

    def __init__(self, model: Any, compile_model: Callable[[], Any], name: str) -> None:
        self._compile = compile_model
        self._request = compile_model().create_infer_request()
        self._description = model.clone()
        self._check = functools.lru_cache(64)(self._reshape)
        self._name = name
        self._busy = threading.Lock()

    def __call__(self, *arrays: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run it once; see `Network`.

        Raises:
            EngineError: The arrays do not fit the network.
        """
        shapes = tuple(array.shape for array in arrays)
        wanted = len(self._description.inputs)
        if len(arrays) != wanted:
            raise EngineError(f"{self._name} takes {wanted} inputs, got {len(arrays)}")
        try:
            with self._busy:
                self._check(shapes)
                answer = self._infer(arrays)
        except (RuntimeError, TypeError, ValueError) as error:
            seen = ", ".join(map(str, shapes))
            message = f"openvino cannot run {self._name} on {seen}: {_line(error)}"
            raise EngineError(message) from error
        return np.asarray(answer, np.float32)

    def _reshape(self, shapes: tuple[tuple[int, ...], ...]) -> None:
        ports = zip(self._description.inputs, shapes, strict=True)
        self._description.reshape({port: openvino.PartialShape(shape) for port, shape in ports})

    def _infer(self, arrays: tuple[NDArray[np.float32], ...]) -> Any:
        try:
            return self._request.infer(list(arrays), share_inputs=True)[0]
        except RuntimeError:
            self._request = self._compile().create_infer_request()
            raise


def _line(error: Exception) -> str:
    """The message without the places in OpenVINO's source it passed through."""
    return " ".join(re.sub(r"Exception from \S+:\d+:", "", str(error)).split())[:300]
