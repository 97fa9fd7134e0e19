import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from unfade.io.icc import write_profile
from unfade.profile import (
    ADOBE_RGB,
    SRGB,
    SRGB_CURVE,
    Curve,
    Profile,
    carry_change,
    from_srgb,
    is_srgb,
    to_srgb,
)

RNG = np.random.default_rng(5)

# Primaries in XYZ D50 from the published chromaticities, as ICC profiles hold them.
ROMM = ((0.79767, 0.13519, 0.03135), (0.28804, 0.71187, 0.00009), (0.0, 0.0, 0.82491))
ECI = ((0.65026, 0.17807, 0.13596), (0.32025, 0.60206, 0.07769), (0.0, 0.06784, 0.75712))
L_STAR = Curve(3, 1 / 1.16, 0.16 / 1.16, 1 / 9.033, 0.08)
PROFILES = {
    "adobe": ADOBE_RGB,
    "prophoto": Profile("ROMM RGB", (Curve(1.8, 1, 0, 1 / 16, 1 / 32),) * 3, ROMM),
    "eci": Profile("eciRGB v2", (L_STAR,) * 3, ECI),
    "linear": Profile("scanner", (Curve(),) * 3, SRGB.primaries),
    "table": Profile(
        "table", (Curve(table=tuple(np.linspace(0, 1, 1024) ** 2.1)),) * 3, SRGB.primaries
    ),
    "grey": Profile("gray gamma 2.2", (Curve(2.2),)),
}


@pytest.mark.parametrize("name", PROFILES)
def test_bringing_to_srgb_and_back_changes_nothing(name: str) -> None:
    profile = PROFILES[name]
    pixels = RNG.random((40, 30, profile.channels), np.float32)
    assert from_srgb(to_srgb(pixels, profile), profile) == pytest.approx(pixels, abs=5e-5)


@pytest.mark.parametrize("name", ["adobe", "prophoto", "eci", "linear", "table"])
def test_values_agree_with_littlecms(name: str) -> None:
    profile = PROFILES[name]
    stored = RNG.integers(0, 256, (60, 50, 3), np.uint8)
    made = ImageCms.ImageCmsProfile(io.BytesIO(write_profile(profile)))
    way = ImageCms.buildTransform(made, ImageCms.createProfile("sRGB"), "RGB", "RGB", 1)
    theirs = np.asarray(ImageCms.applyTransform(Image.fromarray(stored), way)) / 255
    ours = to_srgb(stored.astype(np.float32) / 255, profile)
    inside = ((ours > 0.02) & (ours < 1)).all(axis=2)
    assert np.abs(ours - theirs)[inside].max() < 1.5 / 255


def test_white_stays_white_and_grey_grey() -> None:
    for profile in PROFILES.values():
        steps = np.linspace(0, 1, 20, dtype=np.float32)
        grey = np.repeat(steps.reshape(1, -1, 1), profile.channels, axis=2)
        seen = to_srgb(grey, profile)
        assert np.ptp(seen, axis=2).max() < 2e-3
        assert seen[0, 0] == pytest.approx(0, abs=1e-6) and seen[0, -1] == pytest.approx(1, 1e-3)


def test_gray_gamma_is_that_power() -> None:
    pixels = np.float32([[[0.5]]])
    assert SRGB_CURVE.decode(to_srgb(pixels, PROFILES["grey"])) == pytest.approx(0.5**2.2)


def test_unchanged_pixels_keep_their_numbers_and_far_colors_stay_far() -> None:
    profile = PROFILES["prophoto"]
    own = RNG.random((30, 40, 3), np.float32)
    before = np.clip(to_srgb(own, profile), 0, 1)
    after = before.copy()
    after[::2] = np.clip(after[::2] + 0.05, 0, 1)
    out = carry_change(own, before, after, profile)
    assert np.array_equal(out[1::2], own[1::2])
    outside = (to_srgb(own, profile) < -0.2).any(axis=2)
    assert outside.any() and (to_srgb(out, profile)[outside] < -0.1).any(axis=1).all()


def test_srgb_is_recognized_and_others_are_not() -> None:
    table = tuple(SRGB_CURVE.decode(np.linspace(0, 1, 1024, dtype=np.float32)).tolist())
    assert is_srgb(Profile("as table", (Curve(table=table),) * 3, SRGB.primaries))
    assert not any(is_srgb(profile) for profile in PROFILES.values())


@given(st.floats(0.3, 4), st.floats(-0.5, 1.5))
def test_powers_go_on_beyond_their_ends(gamma: float, value: float) -> None:
    curve, values = Curve(gamma), np.float32([value])
    assert curve.encode(curve.decode(values)) == pytest.approx(values, abs=1e-4)


def test_a_falling_curve_is_refused() -> None:
    with pytest.raises(ValueError, match="rise"):
        Curve(table=(1.0, 0.0))
    with pytest.raises(ValueError, match="line"):
        Profile("flat", (Curve(),) * 3, ((1, 1, 1), (1, 1, 1), (1, 1, 1)))
