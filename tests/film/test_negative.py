import cv2
import numpy as np
import pytest

from unfade.color import to_lab
from unfade.film import negative
from unfade.film.density import from_density, to_density
from unfade.film.negative import (
    Negative,
    film_area,
    frame_white,
    invert_negative,
    looks_negative,
    measure_negative,
)
from unfade.metrics.color import ciede2000

BASE = np.array([0.25, 0.6, 0.9])
LEAK = np.full((3, 3), 0.06) + 0.94 * np.eye(3)


def scene(seed=0, size=(90, 120)):
    """Soft colors from black to white, and some of each at the ends."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.standard_normal((*size, 3), np.float32), (0, 0), 8)
    tones = (noise - noise.min((0, 1))) / np.ptp(noise, axis=(0, 1))
    tones = 0.12 + 0.83 * np.float32(tones)
    tones[:9, :12], tones[:9, 12:24] = 0.05, 0.97
    return tones.astype(np.float32)


def expose(photo, contrast=0.6, base=BASE, exposure=2.4, mixing=LEAK):
    logs = np.maximum(exposure - to_density(photo).astype(np.float64), 0)
    return from_density(((logs * contrast) @ mixing.T + base).astype(np.float32))


def difference(a, b):
    return ciede2000(to_lab(a), to_lab(b)).mean()


def test_a_simulated_color_negative_gives_back_the_photo():
    photo = scene()
    film = measure_negative([expose(photo)])
    assert film.base == pytest.approx(BASE, abs=0.03)
    assert film.contrast[0] == pytest.approx(0.6, abs=0.06)
    assert difference(invert_negative(expose(photo), film), photo) < 4


def test_what_is_known_of_the_film_inverts_it_exactly():
    photo = scene()
    film = Negative(tuple(BASE), (0.6,) * 3, (2.4,) * 3)
    np.testing.assert_allclose(invert_negative(expose(photo), film), photo, atol=2e-3)


def test_a_grey_negative_is_inverted_like_the_three_channels_of_its_color_scan():
    photo = scene().mean(axis=2, keepdims=True)
    negative = expose(photo, base=np.array([0.3]), mixing=np.eye(1))
    back = invert_negative(negative, measure_negative([negative]))
    assert back.shape == photo.shape
    assert np.corrcoef(back.ravel(), photo.ravel())[0, 1] > 0.98
    in_color = np.repeat(negative, 3, axis=2)
    color = invert_negative(in_color, measure_negative([in_color]))
    assert np.ptp(color, axis=2).max() < 1e-3


@pytest.mark.parametrize("light", [0.0, 1.0])
def test_holder_and_empty_gate_around_the_film_do_not_count(light):
    negative = expose(scene())
    framed = np.pad(negative, ((9, 9), (7, 7), (0, 0)), constant_values=light)
    assert not film_area(framed)[:9].any()
    assert film_area(framed)[9:-9, 7:-7].all()
    assert measure_negative([framed]) == measure_negative([negative])


def test_a_scan_of_nothing_but_the_gate_is_still_measured():
    assert measure_negative([np.ones((20, 20, 3), np.float32)]).base == (0, 0, 0)


def test_a_roll_takes_the_base_from_the_frame_that_shows_it():
    dense = expose(np.clip(scene(1), 0.5, 1))
    alone, roll = measure_negative([dense]), measure_negative([dense, expose(scene(2))])
    assert abs(np.subtract(alone.base, BASE)).max() > 0.1
    assert roll.base == pytest.approx(BASE, abs=0.03)


def test_a_roll_keeps_the_balance_of_a_frame_of_one_color():
    frames = [expose(scene(seed)) for seed in range(3)]
    yellow = scene(5) * np.array([1, 1, 0.45], np.float32)
    frame = expose(yellow)
    roll = measure_negative([*frames, frame])
    film = roll.exposed(frame_white(frame, roll))
    alone = measure_negative([frame])
    assert difference(invert_negative(frame, film), yellow) < difference(
        invert_negative(frame, alone), yellow
    )
    np.testing.assert_allclose(np.ptp(np.subtract(film.white, roll.white)), 0, atol=1e-9)


def test_the_orange_base_tells_a_color_negative_from_a_photo():
    assert "orange" in looks_negative(expose(scene()))
    assert looks_negative(scene()) == ""
    assert looks_negative(scene().mean(axis=2, keepdims=True)) == ""


def test_a_roll_of_no_frames_or_of_both_kinds_is_refused():
    with pytest.raises(ValueError, match="at least one frame"):
        measure_negative([])
    with pytest.raises(ValueError, match="all in color or all in grey"):
        measure_negative([scene(), scene()[:, :, :1]])


def test_a_roll_of_many_frames_is_measured_from_as_many_pixels_as_one(monkeypatch):
    frames = [expose(scene(seed)) for seed in range(4)]
    whole = measure_negative(frames)
    monkeypatch.setattr(negative, "ROLL_PIXELS", 3000)
    for name in ("base", "contrast", "white"):
        assert getattr(measure_negative(frames), name) == pytest.approx(
            getattr(whole, name), abs=0.08
        )
