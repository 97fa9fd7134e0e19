import cv2
import numpy as np
import pytest

from unfade.errors import ModelError
from unfade.models.card import ModelCard
from unfade.train import calibrate as module
from unfade.train.calibrate import calibrate, calibrate_card, fit
from unfade.train.judged import JudgedPhoto, Verdicts


def test_the_fit_gives_back_the_likelihood_ratio_that_made_the_marks():
    rng = np.random.default_rng(0)
    true, false = rng.normal(3, 1.5, 2000), rng.normal(1, 1.5, 6000)
    odds = np.concatenate([true, false])
    found = fit(odds[:, None], np.repeat([True, False], [2000, 6000]))
    # Of two normal distributions: (3 - 1) / 1.5² and (1² - 3²) / (2 * 1.5²).
    assert found.slope == pytest.approx(2 / 2.25, rel=0.08)
    assert found.offset == pytest.approx(-8 / 4.5, rel=0.08)


def test_what_a_second_network_says_is_weighed_with_the_means():
    rng = np.random.default_rng(0)
    truth = np.arange(8000) < 2000
    odds = np.stack([rng.normal(2.0 * truth, 1), rng.normal(1.0 * truth, 1)], axis=1)
    found = fit(odds, truth)
    # Independent normals of variance 1: each difference of means is a slope.
    assert (found.slope, found.mean) == pytest.approx((2, 1), rel=0.1)
    assert found.offset == pytest.approx(-(4 + 1) / 2, rel=0.1)


def test_marks_that_count_more_draw_the_fit_to_themselves():
    rng = np.random.default_rng(0)
    truth = np.arange(8000) % 4 == 0
    aged = rng.normal(3.0 * truth, 1)
    real = rng.normal(1.0 * truth, 1)
    odds, both = np.concatenate([aged, real])[:, None], np.concatenate([truth, truth])
    alike = fit(odds, both, np.ones(16000))
    assert alike == fit(odds, both)
    drawn = fit(odds, both, np.repeat([1e-6, 1.0], 8000))
    assert drawn.slope == pytest.approx(1, rel=0.1) and drawn.slope < 0.8 * alike.slope


def test_too_few_marks_are_refused():
    with pytest.raises(ModelError, match="3 right and 100 wrong marks are too few"):
        fit(np.full((103, 1), 0.8), np.arange(103) < 3)


def test_photos_tell_how_far_a_network_is_to_be_believed(tmp_path, monkeypatch):
    """A network that calls bright specks damage, which some photos have by themselves."""
    paths = []
    for number in range(4):
        rng = np.random.default_rng(number)
        picture = np.full((200, 300, 3), 90, np.uint8)
        for x, y in rng.integers((5, 5), (295, 195), (40, 2)):
            cv2.circle(picture, (int(x), int(y)), 2, (235, 235, 235), -1)
        paths.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(paths[-1]), picture)

    def answer(photo, darkroom):
        return np.clip(photo.pixels.mean(axis=2) ** 2, 0, 0.999).astype(np.float32), None

    monkeypatch.setattr(module, "find_damage", answer)
    monkeypatch.setattr(module, "FEWEST", 10)
    found = calibrate(paths, module.Darkroom())
    assert np.isfinite([found.slope, found.offset]).all()


def test_only_networks_that_find_or_verify_damage_are_calibrated(tmp_path):
    (tmp_path / "denoise.toml").write_text(ModelCard("denoise", "denoise", "0" * 64).to_toml())
    with pytest.raises(ModelError, match="only networks that find or verify damage"):
        calibrate_card(tmp_path / "denoise.onnx", [tmp_path])


def test_what_a_person_said_of_real_photos_counts_besides(monkeypatch):
    """Ten marks on a photo, of which a person calls three damage and knows nothing of two."""
    pixels = np.zeros((40, 400, 3), np.uint8)
    boxes = np.array([[20 + 40 * n, 10, 26 + 40 * n, 16] for n in range(10)])
    for left, top, right, bottom in boxes:
        pixels[top:bottom, left:right] = 255
    truth = np.array([1] * 3 + [0] * 5 + [np.nan] * 2, np.float32)
    judged = JudgedPhoto(pixels, Verdicts(boxes, truth, 0.0))
    monkeypatch.setattr(module, "find_damage", lambda photo, room: (photo.pixels[:, :, 0], None))
    seen = []
    monkeypatch.setattr(module, "fit", lambda *given: seen.append(given))
    calibrate([], module.Darkroom(), judged=[judged])
    odds, told, weights = seen[0]
    assert len(odds) == 8 and told.sum() == 3 and told[:3].all() and weights is None
    aged = (np.zeros((24, 2)), np.zeros(24, np.bool_))
    monkeypatch.setattr(module, "_marks", lambda *given: [aged])
    calibrate([], module.Darkroom(), judged=[judged])
    weights = seen[1][2]
    assert weights[:24].sum() == pytest.approx(weights[24:].sum()) and len(weights) == 32
