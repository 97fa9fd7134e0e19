import cv2
import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.stages.marks import candidates
from unfade.stages.soft import STEPS, steps_to_grow


def specks(softness_px, channels=3, level=0.9):
    """White specks of 5 px on grey, and the marks that a network would make of their cores."""
    pixels = np.full((240, 240), 0.4, np.float32)
    for top in range(20, 220, 40):
        for left in range(20, 220, 40):
            pixels[top : top + 5, left : left + 5] = level
    marks = (pixels > 0.4).astype(np.float32)
    if softness_px:
        pixels = cv2.GaussianBlur(pixels, (0, 0), softness_px)
    return np.repeat(pixels[:, :, None], channels, axis=2), candidates(marks, Darkroom())


def steps(pixels, seen, step_px=1):
    return steps_to_grow(pixels, seen, seen.of_size(1), step_px)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("softness_px", "expected"), [(0, 1), (0.7, 1), (1.3, 2), (2.5, 3)])
def test_the_softer_the_marks_the_farther(channels, softness_px, expected):
    assert steps(*specks(softness_px, channels)) == expected


def test_a_faint_mark_is_as_soft_however_far_it_reaches_over_its_edge():
    pixels, seen = specks(2.5, level=0.6)
    wide = cv2.dilate((seen.labels > 0).astype(np.float32), np.ones((3, 3)))
    wider = cv2.dilate(wide, np.ones((3, 3)))
    assert steps(pixels, seen) == steps(pixels, candidates(wide, Darkroom())) == 3
    assert steps(pixels, candidates(wider, Darkroom())) == 2, "of its middle enough is told"


def test_dark_marks_are_as_soft_as_light_ones():
    assert steps(*specks(2.5, level=0.9)) == STEPS
    pixels, seen = specks(2.5)
    assert steps(1 - pixels, seen) == STEPS


def test_a_longer_step_is_seldom_needed_twice():
    pixels, seen = specks(1.3)
    assert steps(pixels, seen, 1) == 2
    assert steps(pixels, seen, 3) == 1


def test_most_marks_decide():
    pixels, seen = specks(0)
    pixels[20:25, 14:18] = 0.9  # Beside one of 25 something is as light.
    assert steps(pixels, seen) == 1


def test_without_marks_or_with_nothing_to_see_it_is_one_step():
    pixels, seen = specks(2.5)
    assert steps_to_grow(pixels, seen, np.zeros(len(seen.areas), bool), 1) == 1
    assert steps(np.full_like(pixels, 0.4), seen) == 1
    assert steps(pixels, seen, 0) == 1
    whole = candidates(np.ones((240, 240), np.float32), Darkroom())
    assert steps(pixels, whole) == 1
