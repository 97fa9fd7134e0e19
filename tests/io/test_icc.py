import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

from unfade.io.icc import ProfileError, needs_tables, read_profile, write_profile
from unfade.profile import ADOBE_RGB, SRGB, SRGB_CURVE, Curve, Profile, to_srgb

RAMP = np.linspace(0, 1, 500, dtype=np.float32).reshape(-1, 1, 1)


@pytest.mark.parametrize(
    "curve",
    [Curve(), Curve(1.8), Curve(2.4, 0.9, 0.1, 0.1, 0.05), Curve(table=(0.0, 0.1, 0.5, 1.0))],
    ids=["linear", "gamma", "parametric", "table"],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_written_profile_means_the_same(curve: Curve, channels: int) -> None:
    profile = Profile("made here", (curve,) * channels, SRGB.primaries if channels == 3 else ())
    back = read_profile(write_profile(profile), channels)
    assert back is not None and back.name == "made here"
    ramp = np.repeat(RAMP, channels, axis=2)
    # The exponent is stored in 256ths, samples in 65535ths.
    assert to_srgb(ramp, back) == pytest.approx(to_srgb(ramp, profile), abs=2e-3)


def test_srgb_and_profiles_for_other_pictures_say_nothing() -> None:
    assert read_profile(write_profile(SRGB), 3) is None
    assert read_profile(pyvips.Operation.call("profile_load", "srgb"), 3) is None
    assert read_profile(write_profile(ADOBE_RGB), 1) is None
    assert read_profile(write_profile(Profile("grey", (Curve(2.2),))), 3) is None


def test_a_profile_of_version_four_with_parametric_curves_is_read() -> None:
    p3 = read_profile(pyvips.Operation.call("profile_load", "p3"), 3)
    assert p3 is not None
    assert to_srgb(RAMP.repeat(3, 2), p3) == pytest.approx(RAMP.repeat(3, 2), abs=3e-3)
    assert p3.curves[0].decode(RAMP) == pytest.approx(SRGB_CURVE.decode(RAMP), abs=1e-3)


@pytest.mark.parametrize("cut", [0, 60, 131, 200, 400])
def test_a_damaged_profile_is_refused(cut: int) -> None:
    block = write_profile(ADOBE_RGB)
    assert len(block) > 400
    with pytest.raises(ProfileError, match="damaged"):
        read_profile(block[:cut], 3)


def test_a_profile_of_tables_is_told_apart() -> None:
    block = write_profile(ADOBE_RGB)
    tables = block.replace(b"rXYZ", b"A2B0").replace(b"rTRC", b"B2A0")
    assert needs_tables(tables) and not needs_tables(block) and not needs_tables(b"junk")
    with pytest.raises(ProfileError, match="rXYZ"):
        read_profile(tables, 3)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), max_size=8))
@settings(max_examples=300, deadline=None)
def test_no_change_of_bytes_breaks_the_reader(changes: list[tuple[int, int]]) -> None:
    block = bytearray(write_profile(ADOBE_RGB))
    for at, value in changes:
        block[at % len(block)] = value
    try:
        profile = read_profile(bytes(block), 3)
    except ProfileError:
        return
    assert profile is None or profile.channels == 3
