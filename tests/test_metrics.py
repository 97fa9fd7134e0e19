"""Measures against published values, plain re-computations and what they must never do."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from unfade import metrics

SHARMA = """
50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""
"""Table 1 of Sharma, Wu and Dalal (2005): two Lab colors and their difference."""


def picture(seed, size=(40, 50, 3)):
    return np.random.default_rng(seed).random(size, dtype=np.float32)


def test_color_differences_are_those_of_the_paper_both_ways():
    table = np.array([line.split() for line in SHARMA.split("\n") if line], float)
    first, second, expected = table[:, :3], table[:, 3:6], table[:, 6]
    assert metrics.ciede2000(first, second) == pytest.approx(expected, abs=5.1e-5)
    assert metrics.ciede2000(second, first) == pytest.approx(expected, abs=5.1e-5)


def test_psnr_of_a_known_error():
    a = np.full((8, 8, 3), 0.5, np.float32)
    assert metrics.psnr(a, a + np.float32(0.1)) == pytest.approx(20, abs=1e-4)
    assert metrics.psnr(a, a) == math.inf


def test_psnr_looks_only_where_the_mask_is():
    a = np.zeros((8, 8, 3), np.float32)
    b, mask = a.copy(), np.zeros((8, 8), np.float32)
    b[:, 4:], mask[:, 4:] = 0.1, 1
    assert metrics.psnr(a, b, mask) == pytest.approx(20, abs=1e-4)
    assert metrics.psnr(a, b, 1 - mask) == math.inf
    with pytest.raises(ValueError, match="at least one pixel"):
        metrics.psnr(a, b, 0 * mask)


def ssim_by_the_book(x, y):
    """One window at a time, as the paper's equations (13) to (16) say."""
    ramp = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    weights = np.outer(ramp, ramp) / np.outer(ramp, ramp).sum()
    values = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            p, q = (z[top : top + 11, left : left + 11].astype(float) for z in (x, y))
            mp, mq = (weights * p).sum(), (weights * q).sum()
            vp, vq = (weights * (p - mp) ** 2).sum(), (weights * (q - mq) ** 2).sum()
            cov = (weights * (p - mp) * (q - mq)).sum()
            top_half = (2 * mp * mq + 1e-4) * (2 * cov + 9e-4)
            values.append(top_half / ((mp**2 + mq**2 + 1e-4) * (vp + vq + 9e-4)))
    return np.mean(values)


def test_ssim_is_that_of_the_paper():
    x = picture(0, (24, 30))
    y = np.clip(x + 0.3 * picture(1, (24, 30)) - 0.15, 0, 1)
    assert metrics.ssim(x, y) == pytest.approx(ssim_by_the_book(x, y), abs=1e-5)


def test_ssim_is_one_for_itself_and_the_mean_over_channels():
    x, y = picture(0), picture(1)
    assert metrics.ssim(x, x) == pytest.approx(1, abs=1e-6)
    single = [metrics.ssim(x[:, :, c], y[:, :, c]) for c in range(3)]
    assert metrics.ssim(x, y) == pytest.approx(np.mean(single))
    with pytest.raises(ValueError, match="at least 11"):
        metrics.ssim(x[:10], y[:10])


def test_pictures_of_different_shape_are_not_compared():
    for measure in (metrics.psnr, metrics.ssim, metrics.mask_scores, metrics.roc_auc):
        with pytest.raises(ValueError, match="shapes must be equal"):
            measure(np.zeros((20, 20)), np.zeros((20, 21)))


def test_mask_scores_count_by_hand():
    predicted = np.array([[0.9, 0.8, 0.2, 0.1]])
    truth = np.array([[1.0, 0.0, 1.0, 0.0]])
    scores = metrics.mask_scores(predicted, truth)
    assert (scores.hits, scores.false_alarms, scores.misses) == (1, 1, 1)
    assert (scores.precision, scores.recall, scores.f1) == (0.5, 0.5, 0.5)
    assert scores.iou == pytest.approx(1 / 3)
    assert metrics.mask_scores(predicted, truth, valid=np.array([[1, 0, 0, 1]])).f1 == 1
    assert (scores + scores).iou == scores.iou


def test_nothing_found_where_nothing_is_counts_as_right():
    nothing = np.zeros((4, 4))
    scores = metrics.mask_scores(nothing, nothing)
    assert (scores.precision, scores.recall, scores.f1, scores.iou) == (1, 1, 1, 1)
    assert metrics.mask_scores(nothing, nothing + 1).recall == 0
    assert metrics.mask_scores(nothing + 1, nothing).precision == 0


def test_a_ranking_by_hand():
    """Scikit-learn's example for both measures."""
    scores, truth = np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1])
    assert metrics.roc_auc(scores, truth) == pytest.approx(0.75)
    assert metrics.average_precision(scores, truth) == pytest.approx(0.8333333)


@given(
    hnp.arrays(np.uint8, 30, elements=st.integers(0, 8)),
    hnp.arrays(bool, 30).filter(lambda truth: 0 < truth.sum() < 30),
)
def test_the_area_is_the_share_of_pairs_in_the_right_order(scores, truth):
    damaged, sound = scores[truth][:, None].astype(int), scores[~truth][None].astype(int)
    pairs = np.mean((damaged > sound) + 0.5 * (damaged == sound))
    assert metrics.roc_auc(scores, truth) == pytest.approx(pairs)


@pytest.mark.parametrize("top", [255, 65535])
def test_the_histogram_is_exact_for_integers_however_it_is_filled(top):
    rng = np.random.default_rng(0)
    scores = (rng.integers(0, top + 1, 5000) / top).astype(np.float32)
    truth = rng.random(5000) < scores**3
    valid = rng.random(5000) < 0.7
    curve = metrics.Curve()
    for start in range(0, 5000, 1300):
        piece = slice(start, start + 1300)
        curve.add(scores[piece], truth[piece], valid[piece])
    inside = valid > 0.5
    assert curve.roc_auc == pytest.approx(metrics.roc_auc(scores[inside], truth[inside]), abs=1e-12)
    expected = metrics.average_precision(scores[inside], truth[inside])
    assert curve.average_precision == pytest.approx(expected, abs=1e-12)


def test_large_masks_are_added_in_pieces():
    curve = metrics.Curve()
    truth = np.zeros((2100, 2100), np.float32)
    truth[-1] = 1
    curve.add(np.where(truth > 0, np.float32(0.9), np.float32(0.1)), truth)
    assert curve.roc_auc == 1
    assert curve.average_precision == 1


def test_a_ranking_without_both_kinds_or_with_nan_is_refused():
    with pytest.raises(ValueError, match="damaged and sound"):
        metrics.roc_auc(np.zeros(4), np.zeros(4))
    with pytest.raises(ValueError, match="not a number"):
        metrics.Curve().add(np.array([np.nan]), np.array([1]))


def test_defects_are_counted_as_things():
    truth, predicted = np.zeros((20, 20)), np.zeros((20, 20))
    truth[2:4, 2:4] = truth[4:6, 4:6] = 1  # one thing: it touches at a corner
    truth[10, 0:20] = 1  # a scratch, found over a tenth of its length only
    predicted[2:6, 2:6] = 1
    predicted[10, 0:2] = 1
    predicted[15:18, 15:18] = 1  # invented
    scores = metrics.components(predicted, truth)
    assert (scores.predicted, scores.right) == (3, 2)
    assert (scores.present, scores.found) == (2, 1)
    assert scores.recall == 0.5
    assert (scores + scores).precision == pytest.approx(2 / 3)
    assert metrics.components(predicted, truth, overlap=0.1).found == 2
    assert metrics.components(0 * truth, 0 * truth).f1 == 1


def waves(height=192, width=208):
    """A smooth colored pattern, and the same paler, with fine stripes and a white band."""
    y, x = np.mgrid[:height, :width].astype(float)
    planes = [
        0.5 + 0.3 * np.sin(x / a + k) * np.cos(y / b) + 0.15 * np.sin(x * y / 4000 + k)
        for k, (a, b) in enumerate(((7, 11), (5, 13), (17, 3)))
    ]
    plain = np.clip(np.stack(planes, 2), 0, 1).astype(np.float32)
    stripes = 0.08 * np.sin(x * 1.7 + y * 0.9)[:, :, None]
    other = np.clip(plain * 0.9 + 0.04 + stripes, 0, 1).astype(np.float32)
    other[40:44] = 1
    return plain, other


def test_ssim_psnr_color_and_blur_are_those_of_scikit_image():
    skimage = pytest.importorskip("skimage")
    a, b = waves()
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    theirs = skimage.metrics.structural_similarity(a, b, data_range=1, channel_axis=2, **options)
    assert metrics.ssim(a, b) == pytest.approx(theirs, abs=1e-4)
    theirs = skimage.metrics.peak_signal_noise_ratio(a, b, data_range=1)
    assert metrics.psnr(a, b) == pytest.approx(theirs, abs=1e-4)
    labs = [skimage.color.rgb2lab(p) for p in (a, b)]
    theirs = skimage.color.deltaE_ciede2000(*labs)
    assert metrics.ciede2000(*labs) == pytest.approx(theirs, abs=1e-4)
    for picture in (a, b):
        theirs = skimage.measure.blur_effect(picture, channel_axis=2)
        assert metrics.blur_effect(picture) == pytest.approx(theirs, abs=1e-4)


def test_ms_ssim_and_gmsd_are_those_of_piq():
    """The figures are those of piq 0.8.0, `multi_scale_ssim` and `gmsd`, for the same pictures."""
    a, b = waves()
    assert metrics.ms_ssim(a, b) == pytest.approx(0.882907, abs=1e-4)
    assert metrics.gmsd(a, b) == pytest.approx(0.122264, abs=1e-4)
    assert metrics.gmsd(a[:, :, 0], b[:, :, 0]) == pytest.approx(0.106724, abs=1e-4)
    assert metrics.ms_ssim(a, a) == pytest.approx(1) and metrics.gmsd(b, b) == 0
    with pytest.raises(ValueError, match="at least 176"):
        metrics.ms_ssim(a[:170], b[:170])


def test_psnr_and_ssim_can_be_taken_of_a_part():
    a, b = waves()
    band = np.zeros(a.shape[:2])
    band[60:] = 1
    assert metrics.ssim(a, b, band) > metrics.ssim(a, b, 1 - band)
    assert metrics.ssim(a, b, np.ones(a.shape[:2])) == metrics.ssim(a, b)
    with pytest.raises(ValueError, match="leaves none"):
        metrics.ssim(a, b, np.zeros(a.shape[:2]))


def test_colorfulness_by_hand():
    """Half red, half green: rg is +-255, yb 127.5; equation M(3) of the paper."""
    picture = np.zeros((4, 4, 3))
    picture[:2, :, 0] = picture[2:, :, 1] = 1
    assert metrics.colorfulness(picture) == pytest.approx(255 + 0.3 * 127.5)
    assert metrics.colorfulness(np.full((4, 4, 3), 0.3)) == pytest.approx(0, abs=1e-9)
    assert metrics.colorfulness(np.full((4, 4, 1), 0.3)) == 0


def test_regions_divide_a_picture():
    damage = np.zeros((40, 40))
    damage[20, 20] = 1
    parts = metrics.regions(damage, near_px=3)
    assert parts["inside"].sum() == 1
    assert not (parts["inside"] & parts["outside"]).any()
    assert (parts["inside"] | parts["outside"]).all()
    assert parts["near"].sum() == 28  # the places of a grid within 3 of one, itself left out
    assert not (parts["near"] & ~parts["outside"]).any()


def test_grain_error_tells_strength_and_spectrum_apart():
    rng = np.random.default_rng(0)
    slope = np.linspace(0.2, 0.8, 256)[:, None, None] * np.ones((1, 256, 3))
    white = rng.normal(0, 4 / 255, (2, 256, 256, 1))
    coarse = (white[1] + np.roll(white[1], 1, 0) + np.roll(white[1], 1, 1)) / np.sqrt(3)
    truth = slope + white[0]
    same = metrics.grain_error(slope + white[1], truth)
    double = metrics.grain_error(slope + 2 * white[1], truth)
    gone = metrics.grain_error(slope, truth)
    softer = metrics.grain_error(slope + coarse, truth)
    assert same.amplitude < 0.5 and same.spectrum_db < 1
    assert double.amplitude == pytest.approx(4, abs=0.6)
    assert double.spectrum_db == pytest.approx(6.02, abs=1)
    assert gone.amplitude == pytest.approx(4, abs=0.4) and gone.spectrum_db > 20
    assert softer.amplitude < 0.6 and softer.spectrum_db > 2 * same.spectrum_db
    assert metrics.grain_error(slope[:31], truth[:31]) is None


def test_the_points_of_a_curve_lie_on_it():
    rng = np.random.default_rng(1)
    scores = rng.random(5000)
    truth = rng.random(5000) < scores**2
    curve = metrics.Curve()
    curve.add(scores, truth)
    points = curve.points(most=400)
    assert len(points) <= 400
    assert (points[-1].recall, points[-1].false_alarm_rate) == (1, 1)
    area = np.trapezoid(
        [0, *(p.recall for p in points)], [0, *(p.false_alarm_rate for p in points)]
    )
    assert area == pytest.approx(curve.roc_auc, abs=2e-3)
    for point in points[::37]:
        said = curve.scores_at(point.threshold)
        assert (said.recall, said.precision) == (point.recall, point.precision)


def test_curves_are_pooled_and_rebuilt():
    scores, truth = np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1])
    first, second = metrics.Curve(), metrics.Curve()
    first.add(scores[:2], truth[:2])
    second.add(scores[2:], truth[2:])
    assert (first + second).roc_auc == pytest.approx(0.75)
    assert metrics.Curve.of(*(first + second).counts).average_precision == pytest.approx(0.8333333)
    at = (first + second).scores_at(0.4)
    assert (at.hits, at.false_alarms, at.misses) == (1, 1, 1)
