import dataclasses

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.photo import Edit, Metadata, Origin, Photo
from unfade.pipeline import run
from unfade.profile import ADOBE_RGB, Curve, Profile, from_srgb, to_srgb
from unfade.recipe import Finding, Recipe
from unfade.working import enter_srgb

RNG = np.random.default_rng(2)
GREY = Profile("gray gamma 2.2", (Curve(2.2),))


@dataclasses.dataclass(frozen=True)
class Change:
    """Brighten the left half; note the range of what was seen."""

    name = "change"
    invents = False
    how: str = "half"

    @property
    def marks(self) -> Origin:
        return Origin.FILLED if self.how == "fill" else Origin.TONE

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(True, "")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        pixels = photo.pixels.copy()
        if self.how == "half":
            pixels[:, : pixels.shape[1] // 2] *= np.float32(0.9)
        elif self.how == "fill":
            pixels[8:12] = pixels[0, 0]
        elif self.how == "double":
            pixels = pixels.repeat(2, axis=0).repeat(2, axis=1)
        else:
            pixels = pixels.repeat(3, axis=2)
        return Edit(pixels=pixels, notes={"seen": photo.pixels[0, 0].tolist()})


def photo_in(profile: Profile | None, srgb: np.ndarray) -> Photo:
    pixels = np.clip(from_srgb(srgb, profile), 0, 1)
    return Photo(pixels, metadata=Metadata(bits=16, profile=profile))


@pytest.mark.parametrize("profile", [ADOBE_RGB, GREY], ids=["adobe", "grey"])
def test_stages_see_srgb_and_untouched_pixels_keep_their_numbers(profile: Profile) -> None:
    srgb = RNG.uniform(0.2, 0.8, (20, 30, profile.channels)).astype(np.float32)
    photo = photo_in(profile, srgb)
    out = run(photo, Recipe("r", (Change(),)), Darkroom())
    assert out.history[0].notes["seen"] == pytest.approx(srgb[0, 0], abs=1e-4)
    assert out.metadata.profile == profile
    assert np.array_equal(out.pixels[:, 15:], photo.pixels[:, 15:])
    assert to_srgb(out.pixels, profile)[:, :15] == pytest.approx(0.9 * srgb[:, :15], abs=1e-4)
    assert out.origin is not None and (out.origin[:, :15] == Origin.TONE).all()
    assert not out.origin[:, 15:].any()


def test_an_enlarged_photo_stays_in_its_encoding() -> None:
    srgb = RNG.uniform(0.2, 0.8, (10, 12, 3)).astype(np.float32)
    out = run(photo_in(ADOBE_RGB, srgb), Recipe("r", (Change("double"),)), Darkroom())
    assert out.size == (20, 24) and out.metadata.profile == ADOBE_RGB
    assert to_srgb(out.pixels, ADOBE_RGB)[::2, ::2] == pytest.approx(srgb, abs=1e-4)


def test_a_grey_photo_that_became_colored_is_srgb() -> None:
    srgb = RNG.uniform(0.2, 0.8, (10, 12, 1)).astype(np.float32)
    out = run(photo_in(GREY, srgb), Recipe("r", (Change("color"),)), Darkroom())
    assert out.metadata.profile is None
    assert out.pixels == pytest.approx(srgb.repeat(3, axis=2), abs=1e-4)


def test_each_step_that_is_watched_is_in_the_photos_encoding() -> None:
    photo = photo_in(ADOBE_RGB, RNG.random((8, 8, 3), np.float32))
    seen: list[Photo] = []
    run(photo, Recipe("r", (Change(),)), Darkroom(), lambda stage, step: seen.append(step))
    assert seen[0].metadata.profile == ADOBE_RGB
    assert np.array_equal(seen[0].pixels[:, 4:], photo.pixels[:, 4:])


def test_an_srgb_photo_is_not_copied() -> None:
    photo = Photo(RNG.random((8, 8, 3), np.float32))
    assert enter_srgb(photo, Darkroom()) is photo


def test_stages_see_the_infrared_with_the_tone_curve_of_the_colors_and_it_leaves_as_it_came() -> (
    None
):
    photo = dataclasses.replace(
        Photo(np.full((4, 6, 3), 0.25, np.float32), infrared=np.full((4, 6), 0.5, np.float32)),
        metadata=Metadata(profile=Profile("linear", (Curve(),) * 3, ADOBE_RGB.primaries)),
    )
    inside = enter_srgb(photo, Darkroom())
    np.testing.assert_allclose(inside.infrared, 0.7354, atol=1e-3)
    assert run(photo, Recipe("nothing"), Darkroom()).infrared is photo.infrared


@pytest.mark.parametrize("band", [(0.0, 1.0, 0.0), (0.2, 0.6, 0.2)])
def test_nothing_of_a_color_beyond_srgb_stays_in_a_fill(band: tuple[float, ...]) -> None:
    pixels = np.full((20, 30, 3), 0.5, np.float32)
    pixels[8:12] = band
    photo = Photo(pixels, metadata=Metadata(bits=16, profile=ADOBE_RGB))
    out = run(photo, Recipe("r", (Change("fill"),)), Darkroom())
    assert out.pixels[8:12] == pytest.approx(np.full((4, 30, 3), 0.5), abs=2e-3)
    assert np.array_equal(out.pixels[12:], photo.pixels[12:])
