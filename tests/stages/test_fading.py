"""Tests of the correction of fading, with a stub in place of the network."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.film.density import Fade, fade
from unfade.metrics import psnr
from unfade.models.card import ModelCard
from unfade.models.model import Model
from unfade.photo import Origin, Photo, Pixels, Step
from unfade.pipeline import run
from unfade.recipe import Recipe, Stage
from unfade.stages.fading import ANSWER, CorrectFading

FADED = Fade(
    dye=(0.7, 0.55, 0.8),
    crosstalk=(0, 0.04, 0.01, 0.03, 0, 0.02, 0.01, 0.05, 0),
    base=(0.05, 0.08, 0.2),
    field=tuple(0.06 * np.cos(np.arange(16)) - 0.06 * np.cos(np.arange(16)).mean()),
    tint=(0.7, 1.0, 1.3),
)


def answer_for(fade: Fade, gate: float = 0.999) -> np.ndarray:
    """What a perfect network would say."""
    matrix = np.linalg.inv(fade.matrix)
    grid = np.broadcast_to(fade.grid, (4, 4)) if not fade.field else fade.grid
    parts = ([gate], matrix.ravel(), fade.base, fade.tint, grid.ravel())
    return np.concatenate(parts).astype(np.float32)


class Stub(Darkroom):
    """A darkroom whose only model gives a known answer."""

    def __init__(self, answer: np.ndarray, tile: int = 1024) -> None:
        super().__init__()
        self.answer, self.tile = answer, tile

    def model(self, name: str) -> Model:
        assert name == "fading"
        card = ModelCard(name, name, "0" * 64, tiling="whole", channels_out=32)
        return Model(lambda *planes: self.answer[None], card)

    def map(self, fn, *arrays, out, **options):  # type: ignore[no-untyped-def]
        return super().map(fn, *arrays, out=out, **{**options, "tile": self.tile})


def scene(height: int = 150, width: int = 200) -> Pixels:
    """Blobs of color, black to nearly white."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = [np.sin(x / (11 + 5 * c) + c) * np.cos(y / (17 - 4 * c)) for c in range(3)]
    return (0.45 + 0.42 * np.stack(waves, axis=2)).astype(np.float32)


def grey(pixels: Pixels) -> Pixels:
    return np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2).astype(np.float32)


def corrected(pixels: Pixels, stage: CorrectFading, answer: np.ndarray) -> Pixels:
    result = stage(Photo(pixels), Stub(answer)).pixels
    assert result is not None
    return result


def test_it_keeps_the_contract_of_a_stage() -> None:
    assert isinstance(CorrectFading(), Stage)
    assert CorrectFading.marks is Origin.TONE and not CorrectFading.invents


def test_right_numbers_bring_the_clean_photo_back_at_full_depth() -> None:
    clean = scene()
    faded = fade(clean, FADED)
    assert psnr(faded, clean) < 22
    assert psnr(corrected(faded, CorrectFading(), answer_for(FADED)), clean) > 60


def test_a_well_toned_photo_is_left_alone() -> None:
    photo, room = Photo(scene()), Stub(answer_for(FADED, gate=0.1))
    edit = CorrectFading()(photo, room)
    assert edit.pixels is None
    assert not CorrectFading().look(photo, room).needed
    assert "skipped" in edit.notes["evidence"]


def test_a_change_too_small_to_see_is_not_made() -> None:
    almost = Fade(dye=(0.995, 1.0, 1.0))
    assert CorrectFading()(Photo(scene()), Stub(answer_for(almost))).pixels is None


def test_looking_and_doing_agree_and_speak_of_physics() -> None:
    photo, room = Photo(fade(scene(), FADED)), Stub(answer_for(FADED))
    finding, edit = CorrectFading().look(photo, room), CorrectFading()(photo, room)
    assert finding.needed and finding.evidence == edit.notes["evidence"]
    assert "magenta dye at 55%" in finding.evidence
    assert "base yellowed by 0.15 D" in finding.evidence
    assert edit.notes["dye"] == pytest.approx(FADED.dye, abs=1e-3)
    json.dumps(dict(edit.notes))


def test_tile_size_does_not_change_the_result() -> None:
    photo = Photo(fade(scene(), FADED))
    whole, tiled = (
        CorrectFading()(photo, Stub(answer_for(FADED), tile)).pixels for tile in (1024, 37)
    )
    assert whole is not None and tiled is not None
    assert np.abs(whole - tiled).max() < 1e-6


def test_changed_pixels_are_marked_as_tone_and_nothing_is_changed_in_place() -> None:
    faded = fade(scene(), FADED)
    before = faded.copy()
    after = run(Photo(faded), Recipe("r", (CorrectFading(),)), Stub(answer_for(FADED)))
    assert np.array_equal(faded, before)
    assert after.origin is not None and (after.origin == Origin.TONE).mean() > 0.99
    assert after.history[0].notes["change_255"] > 10


def test_strength_goes_from_nothing_to_everything() -> None:
    clean = scene()
    faded = fade(clean, FADED)
    room = Stub(answer_for(FADED))
    assert CorrectFading(strength=0.0)(Photo(faded), room).pixels is None
    half = corrected(faded, CorrectFading(strength=0.5), room.answer)
    told = CorrectFading(strength=0.5)(Photo(faded), room).notes
    assert "magenta dye at 55%" in told["evidence"]  # What faded, however much of it is undone.
    assert told["dye"] == pytest.approx(FADED.dye, abs=1e-3)
    assert psnr(faded, clean) < psnr(half, clean) < 40


def test_even_leaves_the_uneven_field_where_it_is() -> None:
    uneven = Fade(field=FADED.field)
    faded = fade(scene(), uneven)
    kept = CorrectFading(even=0.0)(Photo(faded), Stub(answer_for(uneven)))
    assert kept.pixels is None
    assert psnr(corrected(faded, CorrectFading(), answer_for(uneven)), scene()) > 50


@pytest.mark.parametrize("channels", [1, 3])
def test_neutral_grey_stays_neutral_whatever_the_network_says(channels: int) -> None:
    pixels = np.ascontiguousarray(grey(scene())[:, :, :channels])
    result = corrected(pixels, CorrectFading(), answer_for(FADED))
    assert result.shape == pixels.shape
    assert np.ptp(result, axis=2).max() == 0
    assert np.abs(result - pixels).mean() > 0.03


def test_a_tone_can_be_kept_or_given_to_the_network() -> None:
    faded = fade(grey(scene()), FADED)
    keep, give = (
        corrected(faded, CorrectFading(keep_tone=k), answer_for(FADED)) for k in (1.0, 0.0)
    )
    assert np.ptp(give, axis=2).mean() < 0.01 < np.ptp(keep, axis=2).mean()


def test_highlights_are_not_blown_out() -> None:
    wrong = Fade(base=(0.5, 0.5, 0.5))
    result = corrected(scene(), CorrectFading(), answer_for(wrong))
    assert (result.min(axis=2) >= 1).mean() < 0.02


def test_shadows_are_not_cut_to_black() -> None:
    wrong = Fade(base=(-0.4, -0.4, -0.4))
    dark = 0.15 * scene() + np.float32(2.5 / 255)
    result = corrected(dark, CorrectFading(), answer_for(wrong))
    assert result.mean() < 0.8 * dark.mean()
    assert (result.min(axis=2) > 0.5 / 255).all()


@pytest.mark.parametrize(("knob", "value"), [("exposure", 0.5), ("contrast", 0.4), ("warmth", 0.6)])
def test_knobs_work_where_the_network_sees_nothing_to_do(knob: str, value: float) -> None:
    clean, closed = scene(), answer_for(FADED, gate=0.0)
    up, down = (corrected(clean, CorrectFading(**{knob: v}), closed) for v in (value, -value))
    measure = {
        "exposure": lambda p: p.mean(),
        "contrast": lambda p: p.std(),
        "warmth": lambda p: (p[:, :, 0] - p[:, :, 2]).mean(),
    }[knob]
    assert measure(down) < measure(clean) < measure(up)
    told = CorrectFading(**{knob: value}).look(Photo(clean), Stub(closed)).evidence
    assert "skipped" not in told and told.endswith("adjusted by hand")


def test_warmth_says_nothing_of_a_photo_without_color() -> None:
    grey = Photo(scene().mean(axis=2, keepdims=True))
    edit = CorrectFading(warmth=0.5)(grey, Stub(answer_for(FADED, gate=0.0)))
    assert edit.pixels is None and "by hand" not in edit.notes["evidence"]


@pytest.mark.parametrize("level", [0.0, 0.5, 0.9, 1.0])
def test_a_page_without_tones_is_left_alone(level: float) -> None:
    page = np.full((150, 200, 3), level, np.float32)
    page[40:44, 30:170] = 1 - level
    stage, room = CorrectFading(), Stub(answer_for(FADED))
    assert stage(Photo(page), room).pixels is None
    assert "hardly any tones" in stage.look(Photo(page), room).evidence


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"fading\.strength"):
        dataclasses.replace(CorrectFading(), strength=1.5)


def test_the_answer_has_the_length_the_network_gives() -> None:
    assert sum(ANSWER.values()) == answer_for(FADED).size == 32


def test_the_shipped_weights_see_a_badly_faded_print_and_answer_within_reason() -> None:
    faded = fade(grey(scene()), Fade(dye=(0.3, 0.3, 0.3), base=(0.1, 0.25, 0.5)))
    notes = CorrectFading(gate=0.0)(Photo(faded), Darkroom(threads=1)).notes
    assert notes["certainty"] > 0.5
    assert all(0.1 < share < 1.5 for share in notes["dye"])
    assert notes["base"][2] > notes["base"][0]


def test_damage_makes_less_certainty_do() -> None:
    photo, room = Photo(fade(scene(), FADED)), Stub(answer_for(FADED, gate=0.8))
    stage = CorrectFading(gate=0.9, old_gate=0.7)
    assert stage(photo, room).pixels is None
    few, many = (np.zeros(photo.size, np.float32) for _ in range(2))
    few[0, :5], many[0, :100] = 1, 1
    assert stage(dataclasses.replace(photo, damage=few), room).pixels is None
    worn = dataclasses.replace(photo, damage=many)
    assert stage(worn, room).pixels is not None
    for marks, corrected_too in ((2, False), (3, True)):
        step = Step(stage="damage", settings={}, notes={"marks": marks})
        found = dataclasses.replace(worn, history=(step,))
        assert (stage(found, room).pixels is not None) is corrected_too


@pytest.mark.parametrize("print_tone", [(1.0, 1.0, 1.0), (1.0, 0.9, 0.75)], ids=["grey", "toned"])
def test_a_photo_without_color_needs_less_certainty(print_tone: tuple[float, ...]) -> None:
    room, stage = Stub(answer_for(FADED, gate=0.8)), CorrectFading(gate=0.9, old_gate=0.7)
    in_color = Photo(fade(scene(), FADED))
    without = Photo(np.asarray(grey(scene()) * np.float32(print_tone), np.float32))
    assert stage(in_color, room).pixels is None
    edit = stage(without, room)
    assert edit.pixels is not None and edit.notes["gate"] == 0.7
    assert dataclasses.replace(stage, old_gate=0.85)(without, room).pixels is None
