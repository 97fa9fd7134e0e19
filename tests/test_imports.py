"""What importing costs: nothing heavy is loaded before it is needed."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src"
HEAVY = ("numpy", "cv2", "torch", "lightning", "openvino", "onnxruntime", "pyvips")


def loaded_after(code: str) -> set[str]:
    """The top-level modules in memory after running code in a fresh interpreter."""
    code += "\nimport sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_importing_unfade_loads_no_heavy_library():
    assert loaded_after("import unfade").isdisjoint(HEAVY)


def test_importing_the_engines_loads_no_backend():
    loaded = loaded_after("import unfade.engines, unfade.darkroom, unfade.pipeline")
    assert "numpy" in loaded
    assert loaded.isdisjoint({"openvino", "onnxruntime", "torch", "lightning", "pyvips"})


def test_openvino_is_loaded_without_its_telemetry():
    if importlib.util.find_spec("openvino") is None:
        pytest.skip("openvino is not installed")
    loaded = loaded_after("from unfade.engines import open_engine; open_engine('openvino')")
    assert "openvino" in loaded
    assert "openvino_telemetry" not in loaded


def test_every_public_name_can_be_loaded():
    loaded_after("import unfade\nfor name in getattr(unfade, '__all__', ()): getattr(unfade, name)")
