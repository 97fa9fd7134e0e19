"""Examples that are made once, come again mirrored, and are shared by several runs."""

from __future__ import annotations

import pickle
import shutil

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.train.crops import Draw  # noqa: E402
from unfade.train.fit import fit  # noqa: E402
from unfade.train.kept import Kept  # noqa: E402
from unfade.train.loaders import read_material  # noqa: E402
from unfade.train.run import Run  # noqa: E402


class Counted:
    """Random examples that count how often they are made."""

    def __init__(self):
        self.made = []

    def __getitem__(self, draw):
        self.made.append(draw.number)
        rng = np.random.default_rng(draw.number)
        picture = torch.from_numpy(rng.random((3, 8, 8), np.float32))
        return picture, picture[:1] * 7, picture * 3 - 1


def test_an_example_is_made_once_for_all_runs(tmp_path):
    ours, theirs = Counted(), Counted()
    first = Kept(ours, folder=tmp_path)[Draw(5, 8)]
    for again in (
        Kept(ours, folder=tmp_path)[Draw(5, 8)],
        Kept(theirs, folder=tmp_path)[Draw(5, 8)],
    ):
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert (ours.made, theirs.made) == ([5], [])


def test_what_is_kept_is_only_rounded(tmp_path):
    made = Counted()[Draw(3, 8)]
    kept = Kept(Counted(), folder=tmp_path)[Draw(3, 8)]
    for ours, theirs, off in zip(kept, made, (0.5 / 255, 2e-3, 1e-3), strict=True):
        assert ours.dtype == torch.float32
        assert (ours - theirs).abs().max() <= off + 1e-6


def test_examples_come_again_mirrored_and_all_parts_alike():
    examples = Kept(Counted(), distinct=4)
    seen = set()
    for number in range(4, 84):
        first, again = examples[Draw(number % 4, 8)], examples[Draw(number, 8)]
        flips = [
            dims
            for dims in ((), (-1,), (-2,), (-1, -2))
            if all(torch.equal(a.flip(dims), b) for a, b in zip(first, again, strict=True))
        ]
        assert len(flips) == 1
        seen.add(flips[0])
    assert len(seen) == 4


@pytest.mark.parametrize("written", [0, 100])
def test_a_half_written_example_is_made_anew(written, tmp_path):
    examples = Kept(Counted(), folder=tmp_path)
    whole = examples[Draw(1, 8)]
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:written])
    assert torch.equal(examples[Draw(1, 8)][0], whole[0])
    assert examples.examples.made == [1, 1]


@pytest.mark.parametrize(
    ("other", "shared"), [({"lr": 0.5, "net": "unet"}, True), ({"seed": 1}, False)]
)
def test_runs_share_what_they_learn_from_if_it_is_the_same(other, shared, photos, tmp_path):
    settings = {"data": (str(photos),), "kept": str(tmp_path), "side": 32}
    runs = [Run("damage", **settings), Run("damage", **settings | other)]
    folders = {read_material(run).kept(run).folder for run in runs}
    assert len(folders) == (1 if shared else 2)


def test_pictures_in_another_order_are_other_examples(photos, tmp_path):
    places = [str(tmp_path / name) for name in "ab"]
    for place in places:
        shutil.copytree(photos, place)
    for number, path in enumerate(sorted((tmp_path / "b").iterdir())):
        path.write_bytes(cv2.imencode(".png", np.full((64, 64, 3), 9 * number, np.uint8))[1])
    folders = {
        read_material(run).kept(run).folder
        for order in (places, places[::-1])
        for run in [Run("damage", tuple(order), kept=str(tmp_path / "k"), side=32)]
    }
    assert len(folders) == 2


def test_half_of_the_noise_is_white_and_workers_may_be_given_it(photos):
    run = Run("denoise", (str(photos),), noise="both", side=64)
    learn = pickle.loads(pickle.dumps(read_material(run).learn))
    # White noise alone is not clipped to what a file can hold.
    white = sum(bool(learn[Draw(number, 64)][0].max() > 1) for number in range(60))
    assert 10 < white < 45


def test_a_run_learns_from_kept_examples(photos, tmp_path):
    settings = {"data": (str(photos),), "side": 32, "batch": 2, "precision": "fp32", "workers": 0}
    settings |= {"steps": 6, "every": 3, "threads": 1, "distinct": 4, "kept": str(tmp_path / "k")}
    ends = [fit(Run("damage", **settings, out=str(tmp_path / name))) for name in "ab"]
    assert len(list((tmp_path / "k").rglob("*.npz"))) == 4
    ours, theirs = (torch.load(end, weights_only=True)["state_dict"] for end in ends)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_what_is_no_picture_is_not_mirrored():
    with pytest.raises(ValueError, match="no pictures to mirror"):
        Run("veils", ("photos",), distinct=10)
