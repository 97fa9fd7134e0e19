import dataclasses

import numpy as np
import pytest

from unfade.degrade import capture
from unfade.degrade.capture import AddGrain, AddNoise, Blur, CompressJpeg, LowerResolution
from unfade.photo import Photo
from unfade.recipe import make_stage, settings_values

DRAWS = (
    capture.draw_grain,
    capture.draw_noise,
    capture.draw_blur,
    capture.draw_resolution,
    capture.draw_jpeg,
)
STAGES = (AddGrain, AddNoise, Blur, LowerResolution, CompressJpeg)


def flat(tone, channels=3, side=128):
    return Photo(np.full((side, side, channels), tone, np.float32))


def ramp(channels=3, side=64):
    row = np.linspace(0, 1, side, dtype=np.float32)
    return Photo(np.repeat(np.tile(row, (side, 1))[:, :, None], channels, axis=2))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("draw", DRAWS)
def test_aging_replays_from_its_history(draw, channels):
    stage = draw(np.random.default_rng(7), 0.8)
    entry = {"use": stage.name, **settings_values(stage)}
    again = make_stage(entry, {kind.name: kind for kind in STAGES})
    first = stage(ramp(channels), None).pixels
    np.testing.assert_array_equal(first, again(ramp(channels), None).pixels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("draw", DRAWS)
def test_aged_pixels_stay_pixels(draw, channels):
    for seed in range(10):
        photo = ramp(channels, side=40)
        aged = draw(np.random.default_rng(seed), 1.0)(photo, None).pixels
        assert aged.shape == photo.pixels.shape
        assert aged.dtype == np.float32
        assert aged.min() >= 0
        assert aged.max() <= 1


@pytest.mark.parametrize("radius", [0.0, 0.5, 1.5])
@pytest.mark.parametrize("sharpening", [0.0, 1.0])
def test_grain_in_mid_tones_has_the_amplitude_asked_for(radius, sharpening):
    stage = AddGrain(amplitude=0.05, radius_px=radius, sharpening=sharpening)
    aged = stage(flat(0.5), None).pixels
    np.testing.assert_allclose(aged.std(axis=(0, 1)), 0.05, rtol=0.05)


def test_grain_follows_its_tone_curve():
    stage = AddGrain(amplitude=0.02, shadows=0.5, highlights=1.5, radius_px=0)
    dark, bright = (stage(flat(tone), None).pixels.std() for tone in (0.1, 0.9))
    assert dark == pytest.approx(0.02 * 0.6, rel=0.05)
    assert bright == pytest.approx(0.02 * 1.4, rel=0.05)


@pytest.mark.parametrize("correlation", [0.0, 0.6, 1.0])
def test_grain_has_the_channel_correlation_asked_for(correlation):
    aged = AddGrain(channel_correlation=correlation)(flat(0.5), None).pixels
    measured = np.corrcoef(aged.reshape(-1, 3).T)
    np.testing.assert_allclose(measured[[0, 0, 1], [1, 2, 2]], correlation, atol=0.05)


def test_balance_gives_blue_more_grain():
    aged = AddGrain(balance=(1.0, 1.0, 1.5))(flat(0.5), None).pixels
    red, _, blue = aged.std(axis=(0, 1))
    assert blue / red == pytest.approx(1.5, rel=0.1)


def test_shot_noise_grows_with_the_light():
    stage = AddNoise(read=0.01, shot=0.04)
    dark, bright = (stage(flat(tone), None).pixels.std() for tone in (0.1, 0.7))
    assert dark == pytest.approx(np.hypot(0.01, 0.04 * np.sqrt(0.1)), rel=0.03)
    assert bright == pytest.approx(np.hypot(0.01, 0.04 * np.sqrt(0.7)), rel=0.03)


@pytest.mark.parametrize("kind", capture.BLURS)
@pytest.mark.parametrize("channels", [1, 3])
def test_blur_keeps_flat_areas_and_mean(kind, channels):
    photo = flat(0.25, channels)
    photo.pixels[62:65, 62:65] = 1
    blurred = Blur(kind, 2.5, 30)(photo, None).pixels
    assert blurred.mean() == pytest.approx(photo.pixels.mean(), rel=1e-4)
    np.testing.assert_allclose(blurred[:20], 0.25, atol=1e-5)
    assert blurred.max() < 1


def test_motion_blurs_along_its_direction_only():
    photo = ramp(side=65)
    np.testing.assert_allclose(Blur("motion", 3, 90)(photo, None).pixels, photo.pixels, atol=1e-5)
    kernel = capture.blur_kernel("motion", 3, 0)
    assert kernel.sum(axis=1).argmax() == 3
    assert kernel[3].min() > 0


@pytest.mark.parametrize("stage", [Blur(radius_px=2.0), LowerResolution(factor=4)])
def test_damage_spreads_where_it_is_smeared(stage):
    damage = np.zeros((128, 128), np.float32)
    damage[64, 64] = 1
    after = stage(dataclasses.replace(flat(0.5), damage=damage), None).damage
    assert after[64, 64] == 1
    assert np.count_nonzero(after) > 8


@pytest.mark.parametrize("stage", [Blur(radius_px=2.0), Blur("disk", 3.0), LowerResolution(3)])
@pytest.mark.parametrize("times", [1, 2])
def test_what_can_be_seen_to_be_smeared_is_not_clean(stage, times):
    clean = flat(0.1)
    specks = np.zeros((128, 128), np.float32)
    specks[20:108:22, 20:108:22], specks[60:70, 60:63] = 1, 1
    damaged = dataclasses.replace(
        flat(0.1),
        pixels=np.where(specks[:, :, None] > 0, np.float32(1), clean.pixels),
        damage=specks,
    )
    for _ in range(times):
        edit = stage(damaged, None)
        damaged = dataclasses.replace(damaged, pixels=edit.pixels, damage=edit.damage)
    change = np.abs(damaged.pixels - clean.pixels).max(axis=2)
    assert (damaged.damage[change >= 10 / 255] >= 0.5).all()
    assert (damaged.damage[specks > 0] == 1).all()
    assert times == 2 or (damaged.damage[change < 2 / 255] < 0.3).all()


def test_faint_damage_stays_faint_where_it_is_smeared():
    damage = np.full((64, 64), 0.2, np.float32)
    after = Blur(radius_px=2.0)(dataclasses.replace(flat(0.5, side=64), damage=damage), None).damage
    np.testing.assert_allclose(after, damage, atol=1e-5)


def test_low_resolution_takes_detail_and_keeps_tone():
    checks = np.indices((64, 64)).sum(axis=0) % 2
    photo = Photo(np.repeat(checks[:, :, None], 3, axis=2).astype(np.float32))
    lowered = LowerResolution(factor=2)(photo, None).pixels
    np.testing.assert_allclose(lowered, 0.5, atol=1e-3)


def test_worse_jpeg_is_further_from_the_photo():
    photo = AddNoise(read=0.1)(ramp(), None)
    far = [
        np.abs(CompressJpeg(quality)(Photo(photo.pixels), None).pixels - photo.pixels).mean()
        for quality in (95, 60, 20)
    ]
    assert far == sorted(far)
    assert far[0] < 0.07


def test_jpeg_keeps_red_red_and_blue_blue():
    photo = flat(0.0)
    photo.pixels[:, :64, 0] = 0.8
    photo.pixels[:, 64:, 2] = 0.8
    back = CompressJpeg(90)(photo, None).pixels
    np.testing.assert_allclose(back[:, :56], photo.pixels[:, :56], atol=0.02)
    np.testing.assert_allclose(back[:, 72:], photo.pixels[:, 72:], atol=0.02)


def test_jpeg_grid_starts_where_it_is_told():
    noisy = Photo(AddNoise(read=0.2)(flat(0.5), None).pixels)

    def jumps(shift):
        pixels = CompressJpeg(5, shift=shift)(noisy, None).pixels[:, :, 1]
        return np.abs(np.diff(pixels, axis=0)).mean(axis=1)[: 8 * 15].reshape(-1, 8).mean(axis=0)

    assert jumps((0, 0)).argmax() == 7
    assert jumps((3, 0)).argmax() == 4


@pytest.mark.parametrize("halved_color", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_too_long_for_a_jpeg_goes_through_it_in_parts(monkeypatch, channels, halved_color):
    pixels = np.random.default_rng(3).random((90, 141, channels), dtype=np.float32)
    stage = CompressJpeg(30, halved_color, shift=(3, 9))
    whole = stage(Photo(pixels), None).pixels
    sides = []
    monkeypatch.setattr(capture, "JPEG_MOST_PX", 70)
    one = capture._one_jpeg
    monkeypatch.setattr(
        capture, "_one_jpeg", lambda part, options: sides.append(part.shape) or one(part, options)
    )
    np.testing.assert_array_equal(stage(Photo(pixels), None).pixels, whole)
    assert len(sides) > 1 and max(max(shape) for shape in sides) <= 70


def test_a_photo_longer_than_a_jpeg_can_be_is_compressed():
    long = Photo(np.full((2, 65_501, 3), 0.5, np.float32))
    np.testing.assert_allclose(CompressJpeg(90)(long, None).pixels, 0.5, atol=0.02)


@pytest.mark.parametrize("draw", DRAWS)
def test_severity_changes_a_drawn_photo_more(draw):
    clean = AddGrain(amplitude=0.1, radius_px=1.0)(ramp(), None).pixels

    def change(severity):
        drawn = [draw(np.random.default_rng(seed), severity) for seed in range(30)]
        return np.mean([np.abs(s(Photo(clean), None).pixels - clean).mean() for s in drawn])

    assert change(1.0) > 1.15 * change(0.0)


def test_a_setting_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"jpeg\.quality must be within 1 to 100"):
        CompressJpeg(0)
    with pytest.raises(ValueError, match=r"blur\.kind must be gaussian or disk or motion"):
        Blur("box")
    with pytest.raises(ValueError, match="two numbers"):
        CompressJpeg(shift=(1, 2, 3))
