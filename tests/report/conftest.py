"""A photo with a history, and the deed that made it."""

import dataclasses

import numpy as np
import pytest

from unfade.photo import Metadata, Origin, Photo, Step
from unfade.recipe import Recipe
from unfade.report.deed import Deed, file_facts
from unfade.stages import STAGES

WHEN = "2026-03-01T12:00:00+00:00"


@pytest.fixture
def deed(scan):
    """What was done: denoise, then inpaint."""
    recipe = Recipe("print", (STAGES["denoise"](), STAGES["inpaint"](seed=7)))
    tools = {"engine": "auto", "threads": 1, "memory": 2**31}
    return Deed(WHEN, recipe, "as asked", {"photo": file_facts(scan)}, equipment=tools)


@pytest.fixture
def restored(deed):
    """A photo after that deed: four rows denoised, one pixel filled."""
    origin = np.zeros((12, 16), np.uint8)
    origin[:4], origin[6, 6] = Origin.DENOISED, Origin.FILLED
    steps = tuple(
        Step(stage.name, {"seed": 7}, {"net": "ab" * 32}, "openvino-fp32", {}, count, 0.5)
        for stage, count in zip(deed.recipe, (64, 1), strict=True)
    )
    photo = Photo(np.full((12, 16, 3), 0.5, np.float32), metadata=Metadata("secret/scan.png"))
    return dataclasses.replace(photo, origin=origin, history=steps)
