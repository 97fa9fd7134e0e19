"""Tests of telling color from monochrome."""

from __future__ import annotations

import numpy as np
import pytest

from unfade.film.density import Fade, fade
from unfade.film.tone import tone_of
from unfade.photo import Pixels

Y, X = np.mgrid[:150, :200].astype(np.float32)


def waves(channels: tuple[int, ...]) -> Pixels:
    """Blobs, black to nearly white, of as many patterns as there are different channels."""
    planes = [np.sin(X / (11 + 5 * c) + c) * np.cos(Y / (17 - 4 * c)) for c in channels]
    return (0.45 + 0.42 * np.stack(planes, axis=2)).astype(np.float32)


COLOR, GREY = waves((0, 1, 2)), waves((0, 0, 0))


@pytest.mark.parametrize(
    ("pixels", "tone"),
    [
        (COLOR, "color"),
        (GREY, "neutral"),
        (GREY ** np.array([0.8, 1.0, 1.3], np.float32), "toned"),
        (fade(GREY, Fade(dye=(0.7, 0.55, 0.8), base=(0.05, 0.08, 0.2))), "toned"),
        (fade(COLOR, Fade(dye=(0.7, 0.55, 0.8), base=(0.05, 0.08, 0.2))), "color"),
    ],
    ids=["color", "grey", "sepia", "yellowed", "faded color"],
)
def test_photos_are_told_apart_by_their_color(pixels: Pixels, tone: str) -> None:
    assert tone_of(np.asarray(pixels, np.float32)) == tone


@pytest.mark.parametrize(("codes", "tone"), [(1, "neutral"), (12, "toned"), (30, "color")])
def test_a_grey_photo_with_a_cast_over_half_of_it_has_color_where_the_cast_is_plain(
    codes: int, tone: str
) -> None:
    cast = np.zeros_like(GREY)
    cast[:75, :, 0] = codes / 255
    assert tone_of(GREY + cast) == tone
