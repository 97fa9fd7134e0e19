import dataclasses

import cv2
import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.degrade import DEGRADATIONS, PRESETS, draw, draw_aging
from unfade.degrade.capture import LowerResolution, draw_film_grain
from unfade.degrade.damage import DAMAGE, VEILS
from unfade.degrade.films import FREQUENCY as FILM
from unfade.degrade.gentle import AMOUNTS, gentler
from unfade.degrade.mixes import TEXTURES, draw_grey_noise_texture, draw_random_order
from unfade.degrade.prints import FREQUENCY as PRINTS
from unfade.photo import Damage, Photo
from unfade.pipeline import run
from unfade.recipe import Recipe

OURS = ("film-35mm", "slide", "print-bw", "print-color", "old-photo-mixed")
SIZE = (96, 128)


def portrait(channels: int = 3) -> Photo:
    """Something smooth: grey or a little colored, from dark to light."""
    ground = np.random.default_rng(3).random((5, 6, channels), np.float32)
    ground = np.repeat(ground[:, :, :1], channels, 2) * 0.7 + ground * 0.1 + 0.1
    large = cv2.resize(ground, SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    return Photo(np.clip(large.reshape(*SIZE, channels), 0, 1).astype(np.float32))


def aged(photo: Photo, preset: str, severity: float, seed: int) -> Photo:
    recipe = draw_aging(np.random.default_rng(seed), preset, severity, size=SIZE)
    return run(photo, recipe, Darkroom())


@pytest.mark.parametrize("preset", PRESETS)
def test_grey_photos_stay_grey(preset):
    for seed in range(4):
        pixels = aged(portrait(channels=1), preset, 0.8, seed).pixels
        assert pixels.shape == (*SIZE, 1)
        assert pixels.min() >= 0
        assert pixels.max() <= 1


def errors(preset: str, severity: float, seed: int) -> np.ndarray:
    """How far an aged photo is from the clean one, or from its grey copy where it became grey."""
    recipe, photo = draw_aging(np.random.default_rng(seed), preset, severity, size=SIZE), portrait()
    grey = [stage for stage in recipe if stage.name == "grey"]
    clean = run(photo, dataclasses.replace(recipe, stages=tuple(grey)), Darkroom())
    return np.abs(run(photo, recipe, Darkroom()).pixels - clean.pixels)


@pytest.mark.parametrize("preset", PRESETS)
def test_no_severity_does_next_to_nothing(preset):
    for seed in range(12):
        error = errors(preset, 0.0, seed)
        assert error.mean() < 6 / 255
        assert error.max() < 40 / 255
        damage = aged(portrait(), preset, 0.0, seed).damage
        assert damage is None or float((damage >= 1).mean()) < 0.001


@pytest.mark.parametrize("preset", OURS)
def test_more_severity_changes_more_on_average(preset):
    means = [
        np.mean([errors(preset, severity, seed).mean() for seed in range(16)])
        for severity in (0.0, 0.25, 0.5, 1.0)
    ]
    assert means == sorted(means) and means[0] < 0.5 * means[2]


def test_camera_and_scanner_are_gentler_only_below_half_severity(monkeypatch):
    shares = []
    monkeypatch.setattr(draw, "gentler", lambda stage, share: shares.append(share) or stage)
    for severity, share in ((0.2, 0.4), (0.5, 1), (0.7, 1), (1.0, 1)):
        for seed in range(30):
            draw_aging(np.random.default_rng(seed), "old-photo-mixed", severity, size=SIZE)
        assert set(shares) == {share, 1}  # Fading scales by itself.
        shares.clear()


@pytest.mark.parametrize("name", AMOUNTS)
def test_a_stage_of_which_nothing_is_left_changes_nothing(name):
    stage, photo = DEGRADATIONS[name](), portrait()
    assert gentler(stage, 1) is stage
    left = run(photo, Recipe("nothing", (gentler(stage, 0.0),)), Darkroom())
    # JPEG rounds to 8 bits, and color is stored halved even at quality 100.
    assert np.abs(left.pixels - photo.pixels).max() < 5 / 255


@pytest.mark.parametrize("preset", OURS)
def test_more_severity_damages_more(preset):
    def damaged(severity: float) -> float:
        shares = []
        for seed in range(16):
            damage = aged(portrait(), preset, severity, seed).damage
            shares.append(0.0 if damage is None else float((damage >= 1).mean()))
        return float(np.mean(shares))

    assert 2 * damaged(0.05) < damaged(0.9)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_damaged_pixel_has_a_kind(preset):
    for seed in range(6):
        old = aged(portrait(), preset, 1.0, seed)
        if old.damage is not None:
            assert (old.kinds[old.damage > 0] != Damage.NONE).all()


def test_an_average_photo_has_few_kinds_of_damage():
    counts = []
    for seed in range(80):
        recipe = draw_aging(np.random.default_rng(seed), "print-bw", 0.5, size=SIZE)
        counts.append(len({stage.name for stage in recipe} & set(PRINTS)))
    assert 1 < np.mean(counts) < 3
    assert np.mean(np.array(counts) == 0) > 0.05


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (20, 70_000), (30_000, 20_000)])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_photo_of_any_size_can_be_aged(preset, size):
    for seed in range(60):
        draw_aging(np.random.default_rng(seed), preset, 1.0, size=size)


def test_names_of_damage_are_names_of_stages():
    names = {*DAMAGE, *VEILS, *FILM, *PRINTS}
    assert names <= set(DEGRADATIONS)
    assert set(VEILS) <= set(DAMAGE)
    # Writing is part of the object: restoring leaves it.
    assert "writing" not in DAMAGE


def test_a_finer_scan_and_a_faster_film_are_grainier():
    def amplitude(um_per_px: float, severity: float) -> float:
        drawn = (draw_film_grain(np.random.default_rng(s), um_per_px, severity) for s in range(40))
        return float(np.mean([grain.amplitude for grain in drawn]))

    assert amplitude(6, 0.5) > 1.5 * amplitude(18, 0.5)
    assert amplitude(12, 1.0) > 1.3 * amplitude(12, 0.0)


def test_the_random_order_mix_draws_what_was_published():
    drawn = [draw_random_order(np.random.default_rng(s), (256, 256), 0.5) for s in range(300)]
    names = [[stage.name for stage in stages if stage.name != "digitize"] for stages in drawn]
    assert np.mean([len(each) for each in names]) == pytest.approx(4 * 0.7, abs=0.2)
    first = {each[0] for each in names if each}
    assert {"blur", "resolution", "jpeg"} <= first
    stages = [stage for each in drawn for stage in each]
    for stage in stages:
        if stage.name == "blur":
            assert stage.taps in (3, 5, 7)
            assert 1 <= stage.radius_px <= 5
        if stage.name == "jpeg":
            assert 40 <= stage.quality <= 100
        if isinstance(stage, LowerResolution):
            assert 1 <= stage.factor <= 2
            assert 1 <= stage.rows <= 2
            assert stage.up in ("nearest", "linear")
    noises = [s.name for s in stages if s.name in ("noise", "speckle", "salt")]
    assert all(noises.count(name) > len(noises) / 5 for name in ("noise", "speckle", "salt"))


def test_the_unet_mix_overlays_one_of_its_textures():
    def texture(seed: int) -> tuple:
        return tuple(draw_grey_noise_texture(np.random.default_rng(seed), SIZE, 0.5)[2:])

    seen = {texture(seed) for seed in range(300)}
    assert 0.9 * TEXTURES < len(seen) <= TEXTURES
    assert "grey" in {s.name for s in draw_aging(np.random.default_rng(0), "grey-noise-texture")}


def test_a_shape_of_rows_and_columns_is_lowered_as_asked():
    photo = Photo(np.random.default_rng(0).random((64, 64, 1), np.float32))
    rows = LowerResolution(1.0, rows=4.0, down="area", up="nearest")(photo, None).pixels
    np.testing.assert_array_equal(rows[0], rows[3])
    assert (rows[:, 0] != rows[:, 1]).any()
