import numpy as np
import pytest

from unfade.degrade.scanner import PATTERNS, AddBanding, AddMoire
from unfade.degrade.surface import PAPERS, AddHalftone, AddPaperTexture
from unfade.degrade.textbook import AddSaltAndPepper, AddSpeckle, Digitize
from unfade.photo import Photo


def flat(tone, channels=3, size=(120, 160)):
    return Photo(np.full((*size, channels), tone, np.float32))


STAGES = [
    *(AddPaperTexture(paper=paper) for paper in PAPERS),
    AddHalftone(),
    AddBanding(),
    *(AddMoire(pattern=pattern) for pattern in PATTERNS),
    AddSpeckle(),
    AddSaltAndPepper(),
]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("stage", STAGES, ids=lambda s: s.name)
def test_what_belongs_to_the_object_or_the_scan_is_no_damage(stage, channels):
    photo = flat(0.5, channels)
    edit = stage(photo, None)
    assert edit.damage is None
    assert edit.pixels.shape == photo.pixels.shape
    assert edit.pixels.dtype == np.float32
    assert edit.pixels.min() >= 0
    assert edit.pixels.max() <= 1
    assert np.abs(edit.pixels - 0.5).max() > 0.005
    np.testing.assert_array_equal(edit.pixels, stage(photo, None).pixels)


@pytest.mark.parametrize("paper", PAPERS)
def test_paper_shades_as_much_as_asked(paper):
    pixels = AddPaperTexture(paper=paper, amplitude=0.05, period_px=8)(flat(0.999), None).pixels
    # The lights are cut off at white.
    assert 0.02 < (1 - pixels).std() < 0.05


@pytest.mark.parametrize("tone", [0.25, 0.5, 0.75])
def test_dots_of_a_screen_cover_what_the_tone_says(tone):
    pixels = AddHalftone(period_px=8, angle=0, softness=0.05, strength=1)(
        flat(tone, 1), None
    ).pixels
    assert pixels.mean() == pytest.approx(tone, abs=0.1)
    assert pixels.std() > 0.3


def test_grey_stays_grey_under_a_screen():
    pixels = AddHalftone()(flat(0.4), None).pixels
    np.testing.assert_array_equal(pixels[:, :, 0], pixels[:, :, 2])


def test_bands_follow_the_carriage():
    pixels = AddBanding(cells=0.02, lamp=0, upright=True)(flat(0.5), None).pixels
    assert np.ptp(pixels, axis=0).max() == 0
    assert pixels[0].std() == pytest.approx(0.01, rel=0.15)


def test_newtons_rings_are_colored_and_spare_black_and_white():
    stage = AddMoire(pattern="rings", color=1.0)
    assert (stage(flat(0.5), None).pixels.std(axis=2) > 0.01).any()
    for tone in (0.0, 1.0):
        np.testing.assert_allclose(stage(flat(tone), None).pixels, tone, atol=1e-6)


def test_speckle_grows_with_the_tone():
    dark, light = (AddSpeckle(0.05)(flat(t), None).pixels.std() for t in (0.2, 0.6))
    assert dark == pytest.approx(0.01, rel=0.1)
    assert light == pytest.approx(0.03, rel=0.1)


def test_salt_and_pepper_come_in_the_shares_asked_for():
    pixels = AddSaltAndPepper(0.1, salt=0.3)(flat(0.5), None).pixels
    assert (pixels == 1).mean() == pytest.approx(0.03, rel=0.15)
    assert (pixels == 0).mean() == pytest.approx(0.07, rel=0.15)


def test_digitizing_keeps_whole_codes():
    codes = np.arange(256, dtype=np.float32).reshape(16, 16, 1) / np.float32(255)
    np.testing.assert_array_equal(Digitize(8)(Photo(codes), None).pixels, codes)
    assert len(np.unique(Digitize(2)(Photo(codes), None).pixels)) == 4
