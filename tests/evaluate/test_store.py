"""What makes a result another one: everything that decides it, and not its name alone."""

import dataclasses
import shutil
import sys

import cv2
import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.errors import EvaluationError
from unfade.evaluate.cases import Aging, Case, Kind, Question
from unfade.evaluate.figures import figures
from unfade.evaluate.methods import Answer, RunCommand, RunRecipe
from unfade.evaluate.store import Store
from unfade.models.card import ModelCard
from unfade.models.zoo import SHIPPED, Zoo
from unfade.photo import Photo


@pytest.fixture
def place(tmp_path):
    """A photo, a library of one artefact, networks of one's own, and a tool with its weights."""
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3)))
    (tmp_path / "library" / "dots").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "library" / "dots" / "1.png"), np.full((9, 9), 255))
    (tmp_path / "networks").mkdir()
    for file in (*SHIPPED.glob("damage.*"), *SHIPPED.glob("verify.*")):
        shutil.copyfile(file, tmp_path / "networks" / file.name)
    for name in ("tool.py", "weights.pth"):
        (tmp_path / name).write_text("1")
    return tmp_path


@pytest.fixture
def key(place):
    """Names the result of a tool on the photo, aged with the library."""
    store = Store(place / "kept")
    case = Case("a", Kind.AGED, place / "a.png", aging=Aging(library=str(place / "library")))
    words = (sys.executable, place / "tool.py", f"--weights={place / 'weights.pth'}")
    tool = RunCommand("tool", " ".join(map(str, (*words, "{input}", "{output}"))))

    def make(method=tool):
        room = Darkroom("onnxruntime", zoo=Zoo(place / "networks"))
        return store.key(case, method, room)

    return make


@pytest.mark.parametrize("file", ["tool.py", "weights.pth", "library/dots/1.png"])
def test_another_file_makes_another_result(file, key, place):
    before = key()
    assert key() == before
    content = (place / file).read_bytes()
    cv2.imwrite(str(place / "other.png"), np.full((3, 9), 200))
    (place / file).write_bytes((place / "other.png").read_bytes())
    assert key() != before
    (place / file).write_bytes(content)
    assert key() == before


def test_words_that_name_no_file_are_words(key):
    told = RunCommand("tool", f"{sys.executable} -c '{'x' * 5000}' {{input}} {{output}}")
    assert key(told) == key(told)


@pytest.mark.parametrize("change", [{"verifier": ""}, {"calibration": (0.1, 9.0)}])
def test_another_word_on_a_card_makes_another_result(change, key, place):
    before, path = key(RunRecipe("auto")), place / "networks" / "damage.toml"
    card = dataclasses.replace(ModelCard.from_toml(path.read_text("utf-8")), **change)
    path.write_text(card.to_toml(), "utf-8")
    assert key(RunRecipe("auto")) != before


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_result_that_is_not_all_numbers_is_measured_by_nothing(broken, place):
    truth = np.random.default_rng(0).random((64, 64, 3)).astype(np.float32)
    asked = Question(Case("a", Kind.PAIR, place / "a.png"), Photo(truth * 0.9), Photo(truth))
    answered = truth.copy()
    answered[3, 3, 0] = broken
    with pytest.raises(EvaluationError, match="the result holds values that are not finite"):
        figures(asked, Answer(answered))
    assert figures(asked, Answer(truth))["psnr"] == 100
