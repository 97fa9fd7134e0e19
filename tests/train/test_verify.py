"""What the network that verifies marks learns from."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.stages.verify import VIEW_CHANNELS, VIEW_SIDE  # noqa: E402
from unfade.train.crops import Draw  # noqa: E402
from unfade.train.nets import make_net  # noqa: E402
from unfade.train.verify import VIEWS, Detector, VerifyData, VerifyTask  # noqa: E402


class Bright:
    """A detector that takes what is bright for damage, and what is nearly so half."""

    def __call__(self, picture):
        return np.asarray(np.clip(picture.min(axis=2) * 2 - 0.6, 0, 1), np.float32)


def photo(specks):
    """A dark photo, with bright details of its own if asked."""
    picture = np.full((160, 200, 3), 40, np.uint8)
    for x, y in np.random.default_rng(0).integers(10, 150, (specks, 2)):
        picture[y : y + 4, x : x + 4] = 240
    return picture


def test_examples_are_the_same_for_a_seed():
    data = VerifyData([photo(20)], Bright(), part="all")
    for number in (1, 2):
        for first, again in zip(data[Draw(number, 128)], data[Draw(number, 128)], strict=True):
            assert torch.equal(first, again)
    views, truth = data[Draw(1, 128)]
    assert views.shape == (VIEWS, VIEW_CHANNELS, VIEW_SIDE, VIEW_SIDE)
    assert truth.shape == (VIEWS,) and 0 <= truth.min() <= truth.max() <= 1


def test_details_of_the_photo_are_false_and_artefacts_true():
    with_details = VerifyData([photo(20)], Bright(), part="all")
    plain = VerifyData([photo(0)], Bright(), part="all")
    details = torch.cat([with_details[Draw(n, 128)][1] for n in range(12)])
    artefacts = torch.cat([plain[Draw(n, 128)][1] for n in range(12)])
    assert artefacts.mean() > 0.5 > details.mean()


def test_a_crop_without_candidates_gives_an_empty_view():
    views, truth = VerifyData([photo(0)], lambda p: p[:, :, 0] * 0, part="all")[Draw(0, 64)]
    assert views.shape[0] == VIEWS and not views.any() and not truth.any()


def test_the_detector_answers_like_the_network_that_ships():
    from unfade.darkroom import Darkroom
    from unfade.photo import Photo
    from unfade.stages.damage import damage_probability

    pixels = np.random.default_rng(0).random((70, 90, 3), np.float32)
    expected = damage_probability(Photo(pixels), Darkroom("onnxruntime"))
    np.testing.assert_allclose(Detector()(pixels), expected, atol=0.05)


def test_the_task_learns_what_is_true():
    torch.manual_seed(0)
    truth = (torch.rand(2, 16) < 0.5).float()
    views = torch.rand(2, 16, VIEW_CHANNELS, VIEW_SIDE, VIEW_SIDE) * 0.2
    views[:, :, 0] += 0.5 * truth[:, :, None, None]
    task = VerifyTask(make_net("verify", "", "small", VIEW_CHANNELS, 1), 1e-2, 10)
    optimizer = torch.optim.Adam(task.parameters(), 1e-2)
    first = task.loss([views, truth])
    for _ in range(5):
        optimizer.zero_grad()
        task.loss([views, truth]).backward()
        optimizer.step()
    assert task.loss([views, truth]) < 0.5 * first
