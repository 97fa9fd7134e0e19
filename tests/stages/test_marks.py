import cv2
import numpy as np
import pytest

from unfade import darkroom
from unfade.darkroom import Darkroom
from unfade.photo import Photo
from unfade.stages.marks import (
    CANDIDATE,
    CARE_WIDTH,
    USUAL,
    USUAL_MONOCHROME,
    Calibration,
    candidates,
    highest,
    likelihood,
    log_odds,
    share_of_true,
    tempered,
    usual_share,
    with_care,
)

DOUBTFUL = 0.95


DEFAULT = Calibration()


def judge(peaks, calibration=DEFAULT):
    evidence = calibration.evidence(log_odds(np.asarray(peaks))[:, None])
    share = share_of_true(evidence)
    return likelihood(evidence, share), share


def test_a_doubtful_mark_is_damage_among_many_sure_ones_and_a_detail_on_a_clean_photo():
    alone = judge(np.array([DOUBTFUL]))[0][0]
    among_sure = judge(np.array([DOUBTFUL] + [0.999] * 30))[0][0]
    among_doubtful = judge(np.array([DOUBTFUL] + [0.7] * 30))[0][0]
    assert among_sure > 0.7 > 0.2 > alone
    assert among_doubtful < 0.1


def test_the_share_is_that_of_a_known_mixture():
    rng = np.random.default_rng(0)
    calibration = Calibration(1.0, 0.0)
    # Normal log odds at +2 and -2 with variance 4 have exactly the log likelihood ratio z.
    true, false = rng.normal(2, 2, 3000), rng.normal(-2, 2, 7000)
    odds = np.concatenate([true, false])
    likely, share = judge(1 / (1 + np.exp(-odds)), calibration)
    assert share == pytest.approx(0.3, abs=0.03)
    said = likely[(likely > 0.6) & (likely < 0.9)]
    right = np.concatenate([np.ones(3000), np.zeros(7000)])[(likely > 0.6) & (likely < 0.9)]
    assert right.mean() == pytest.approx(said.mean(), abs=0.05)


def test_a_finer_scan_with_more_candidates_of_each_sort_is_judged_alike():
    peaks = np.array([0.99] * 10 + [0.9] * 20 + [0.7] * 20)
    few, many = judge(peaks)[0], judge(np.tile(peaks, 8))[0][:50]
    np.testing.assert_allclose(few, many, atol=0.1)


def test_higher_peaks_are_likelier_and_nothing_is_beyond_doubt():
    likely, _ = judge(np.array([0.0, CANDIDATE, 0.8, 0.99, 1.0]))
    assert np.all(np.diff(likely) > 0) and likely[0] >= 0 and likely[-1] < 1


def test_no_candidates_leave_the_share_of_a_clean_photo():
    likely, share = judge(np.zeros(0))
    assert likely.shape == (0,) and share < 0.05


@pytest.mark.parametrize("share", [0.0, 0.2, 0.45, 0.6, 1.0])
@pytest.mark.parametrize("rows", [1, 3, 50])
def test_candidates_are_the_same_whatever_strips_they_are_found_in(share, rows, monkeypatch):
    monkeypatch.setattr(darkroom, "STRIP_PIXELS", rows * 41)
    rng = np.random.default_rng(int(share * 100))
    probability = np.where(
        rng.random((37, 41)) < share, rng.uniform(CANDIDATE, 1, (37, 41)), 0.1
    ).astype(np.float32)
    seen = candidates(probability, Darkroom())
    marks = (probability >= CANDIDATE).astype(np.uint8)
    count, expected, stats, _ = cv2.connectedComponentsWithStats(marks, connectivity=8)
    assert len(seen.areas) == len(seen.peaks) == count
    pairs = np.unique(np.stack([seen.labels.ravel(), expected.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(expected))
    for mine, theirs in pairs.T:
        assert seen.areas[mine] == stats[theirs, cv2.CC_STAT_AREA]
        if mine:
            assert seen.peaks[mine] == probability[expected == theirs].max()
            mean = log_odds(probability[expected == theirs]).mean()
            assert seen.means[mine] == pytest.approx(mean)
            left, top, width, height = stats[theirs, :4]
            assert seen.boxes[mine].tolist() == [left, top, left + width, top + height]
    np.testing.assert_array_equal(highest(seen, probability, Darkroom())[1:], seen.peaks[1:])


def test_a_network_that_verifies_is_weighed_with_the_mean():
    odds = np.array([[2.0, 1.0], [-2.0, 1.0]])
    np.testing.assert_allclose(Calibration(2.0, 0.5, 3.0).evidence(odds), [7.5, -0.5])


def test_a_wide_mark_must_be_likelier_than_a_narrow_one():
    likely = np.array([0.5, 0.9, 0.5, 0.9, 0.0, 1.0])
    widths = np.array([0.0, CARE_WIDTH, 2 * CARE_WIDTH, 3 * CARE_WIDTH, 1.0, 1.0])
    np.testing.assert_allclose(with_care(likely, widths), [0.5, 0.9, 0.2, 0.5, 0, 1])


def test_a_hair_is_narrow_however_long():
    probability = np.zeros((400, 500), np.float32)
    probability[10:14, 20:420] = probability[100:140, 20:60] = 1
    seen = candidates(probability, Darkroom())
    assert seen.areas[1] == seen.areas[2] == 1600
    assert seen.widths[1:].tolist() == pytest.approx([4 / 400, 40 / 400])
    small = candidates(probability[:200, :300], Darkroom())
    assert small.widths[2] == pytest.approx(40 / 384), "a piece of a photo is no smaller photo"


def test_the_share_of_a_photo_is_believed_by_half():
    assert tempered(USUAL) == pytest.approx(USUAL)
    assert 0.01 < tempered(0.01) < USUAL < tempered(0.9) < 0.9
    assert log_odds(tempered(0.02)) - log_odds(USUAL) == pytest.approx(
        (log_odds(0.02) - log_odds(USUAL)) / 2
    )


def test_a_monochrome_photo_is_sooner_believed_to_be_damaged():
    rng = np.random.default_rng(0)
    color = cv2.resize(rng.random((8, 8, 3), np.float32), (64, 64))
    grey = color.mean(axis=2, keepdims=True)
    sepia = np.clip(grey * np.array([1.0, 0.8, 0.6], np.float32) + 0.05, 0, 1)
    shares = [usual_share(Photo(np.ascontiguousarray(pixels))) for pixels in (color, grey, sepia)]
    assert shares == [USUAL, USUAL_MONOCHROME, USUAL_MONOCHROME]
