"""Photos are private: restoring reaches no network and leaves no trace in the home folder."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src"
WEIGHTS = sorted((SRC / "unfade" / "weights").glob("*.onnx"))
PRESETS = sorted((SRC / "unfade" / "presets").glob("*.toml"))

GUARD = """
import os, sys, time
attempts = []

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg"):
        attempts.append((event, [str(argument) for argument in arguments]))
        raise OSError("this test has no network")

sys.addaudithook(watch)
"""

REPORT = """
time.sleep(0.3)  # a background thread may still be about to call
print("attempts:", attempts)
print("home:", sorted(os.listdir(os.path.expanduser("~"))))
"""

SMALL = """
import hashlib, dataclasses
from pathlib import Path
import numpy as np, onnx
from unfade.darkroom import Darkroom
from unfade.models.card import ModelCard
from unfade.models.zoo import Zoo
from unfade.photo import Edit, Origin, Photo
from unfade.pipeline import run
from unfade.recipe import Recipe

folder = Path(os.environ["FOLDER"])
value = onnx.helper.make_tensor_value_info
half = onnx.numpy_helper.from_array(np.array(0.5, np.float32), "half")
graph = onnx.helper.make_graph(
    [onnx.helper.make_node("Mul", ["x", "half"], ["y"])], "half",
    [value("x", 1, [1, 3, "h", "w"])], [value("y", 1, [1, 3, "h", "w"])], [half],
)
opset = [onnx.helper.make_opsetid("", 18)]
data = onnx.helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
(folder / "half.onnx").write_bytes(data)
card = ModelCard("half", "denoise", hashlib.sha256(data).hexdigest())
(folder / "half.toml").write_text(card.to_toml())

@dataclasses.dataclass(frozen=True)
class Darken:
    name, invents, marks = "darken", False, Origin.TONE

    def __call__(self, photo, darkroom):
        return Edit(pixels=darkroom.infer(darkroom.model("half"), photo.pixels))

photo = Photo.from_array(np.full((40, 50, 3), 200, np.uint8))
dark = run(photo, Recipe("dark", (Darken(),)), Darkroom(os.environ["ENGINE"], zoo=Zoo(folder)))
assert (dark.to_array() == 100).all()
assert dark.history[0].models == {"half": card.sha256}
assert dark.history[0].engine.startswith(os.environ["ENGINE"])
"""

DEFAULT = """
from pathlib import Path
import numpy as np
from unfade.darkroom import Darkroom
from unfade.photo import Photo
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.stages import STAGES

recipe = Recipe.from_toml(Path(os.environ["PRESET"]).read_text("utf-8"), STAGES)
noise = np.random.default_rng(0).normal(0, 0.05, (96, 128, 3))
pixels = np.clip(np.linspace(0.2, 0.8, 128)[None, :, None] + noise, 0, 1).astype(np.float32)
run(Photo(pixels), recipe, Darkroom())
"""


def run_guarded(code, home, **environment):
    """Run code in a fresh interpreter that may not connect, with an empty home folder."""
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "TF_BUILD")}
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", GUARD + code + REPORT],
        env={**kept, "PYTHONPATH": str(SRC), "HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_guard_notices_a_connection(tmp_path):
    code = """
import urllib.request
try:
    urllib.request.urlopen("http://192.0.2.1/")
except OSError:
    pass
"""
    attempts, _ = run_guarded(code, tmp_path / "home")
    assert "192.0.2.1" in attempts


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_running_a_network_reaches_no_network_and_writes_nothing_at_home(engine, tmp_path):
    if importlib.util.find_spec(engine) is None:
        pytest.skip(f"{engine} is not installed")
    pytest.importorskip("onnx")
    lines = run_guarded(SMALL, tmp_path / "home", FOLDER=str(tmp_path), ENGINE=engine)
    assert lines == ["attempts: []", "home: []"]


@pytest.mark.skipif(not WEIGHTS, reason="the weights are not in this checkout")
@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_a_preset_reaches_no_network(preset, tmp_path):
    lines = run_guarded(DEFAULT, tmp_path / "home", PRESET=str(preset))
    assert lines == ["attempts: []", "home: []"]
