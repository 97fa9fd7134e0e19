"""Losses for thin and rare damage, and counting of components."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.photo import Damage  # noqa: E402
from unfade.train.components import Count, count_components  # noqa: E402
from unfade.train.losses import (  # noqa: E402
    FILL,
    PICTURE,
    SEGMENTATION,
    mask_weighted,
    soft_skeleton,
    thinness,
)
from unfade.train.task import KINDS, DamageTask  # noqa: E402


def a_hair(side=48):
    truth = torch.zeros(1, 1, side, side)
    truth[:, :, 4:-4, side // 2] = 1
    return truth


@pytest.mark.parametrize("name", SEGMENTATION)
def test_segmentation_losses_prefer_the_truth_and_lead_to_it(name):
    loss, truth = SEGMENTATION[name], a_hair()
    counts = torch.ones_like(truth)
    right, wrong = (truth * 2 - 1) * 8, (1 - truth * 2) * 8
    assert loss(right, truth, counts) < 0.05 < loss(wrong, truth, counts)
    logits = torch.zeros_like(truth, requires_grad=True)
    loss(logits, truth, counts).backward()
    slope = -logits.grad
    assert slope[truth > 0].mean() > 0 > slope[truth == 0].mean()
    assert torch.isfinite(slope).all()


@pytest.mark.parametrize("name", SEGMENTATION)
def test_what_does_not_count_does_not_matter(name):
    truth = a_hair()
    counts = torch.ones_like(truth)
    counts[:, :, :, :8] = 0
    calm, wild = torch.zeros_like(truth), torch.zeros_like(truth)
    wild[:, :, :, :6] = 9
    ours, theirs = (SEGMENTATION[name](x, truth, counts) for x in (calm, wild))
    assert float(ours) == pytest.approx(float(theirs), abs=2e-3)


@pytest.mark.parametrize("name", SEGMENTATION)
def test_a_crop_without_damage_has_a_loss(name):
    truth = torch.zeros(2, 1, 16, 16)
    assert torch.isfinite(SEGMENTATION[name](truth - 5, truth, torch.ones_like(truth)))


def test_missing_a_hair_costs_center_lines_more_than_thinning_a_stain():
    """By area both lose the same number of pixels."""
    truth = a_hair()
    truth[:, :, 10:34, 2:16] = 1
    without_hair, thin_stain = truth.clone(), truth.clone()
    without_hair[:, :, :, 24] = 0
    thin_stain[:, :, 10:34, 2:3] = thin_stain[:, :, 10:26, 15:16] = 0
    assert without_hair.sum() == thin_stain.sum()
    loss, counts = SEGMENTATION["center-line"], torch.ones_like(truth)
    hair, stain = (loss((x * 2 - 1) * 8, truth, counts) for x in (without_hair, thin_stain))
    assert hair - stain > 0.01


def test_the_skeleton_of_a_bar_is_its_middle():
    bar = torch.zeros(1, 1, 31, 31)
    bar[:, :, 5:26, 12:19] = 1
    skeleton = soft_skeleton(bar)[0, 0]
    assert skeleton[15, 15] == 1
    assert skeleton[15, 12] == skeleton[15, 18] == 0
    assert skeleton.sum() < bar.sum() / 3


def test_a_hair_is_thin_and_a_stain_is_not():
    truth = a_hair()
    truth[:, :, 8:40, 0:20] = 1
    thin = thinness(truth)
    assert thin[0, 0, 10, 24] > 0.5 > thin[0, 0, 24, 8]


def test_an_artefact_counts_as_much_more_as_it_was_told():
    error = torch.zeros(1, 3, 20, 20)
    error[:, :, 0, 0] = 1
    mask = torch.zeros(1, 1, 20, 20)
    plain = mask_weighted(error, mask, 4.0)
    assert float(plain) == pytest.approx(1 / 400)
    mask[:, :, 0, 0] = 1
    grown = 3 * 3  # a corner grown by 2 px
    weighted = mask_weighted(error, mask, 4.0)
    assert float(weighted) == pytest.approx(5 / (400 + 4 * grown))
    assert mask_weighted(error, mask, 0.0) == plain


def test_picture_losses_are_errors_of_each_value():
    a, b = torch.full((1, 3, 2, 2), 0.75), torch.full((1, 3, 2, 2), 0.25)
    values = {name: float(loss(a, b).mean()) for name, loss in PICTURE.items()}
    assert values == pytest.approx({"absolute": 0.5, "squared": 0.25, "charbonnier": 0.5}, abs=1e-4)


def test_components_are_counted_as_the_figures_define_them():
    damaged = np.zeros((60, 60), bool)
    damaged[5:10, 5:10] = True  # 25 px, half found
    damaged[20:30, 20:30] = True  # 100 px, less than half found
    damaged[50:54, 50:54] = True  # 16 px: too small to count
    faint = np.zeros_like(damaged)
    faint[40:50, 0:10] = True
    marked = np.zeros_like(damaged)
    marked[5:10, 5:8] = True
    marked[20:24, 20:30] = True
    marked[42:46, 2:6] = True  # in faint damage: not false
    marked[0:2, 40:45] = True  # 10 px: false
    marked[58:60, 0:3] = True  # 6 px: too small to be one
    assert count_components(marked, damaged, faint) == Count(1, 2, 1, 3600)
    assert Count(1, 2, 3, 4) + Count(1, 1, 1, 1) == Count(2, 3, 4, 5)


class Answer(torch.nn.Module):
    """A network that knows the answer."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.nn.Parameter(logits)

    def forward(self, picture):
        return self.logits


def perfect(truth, kind, outputs):
    logits = torch.full((1, outputs, *truth.shape[2:]), -8.0)
    logits[:, :1] = (truth * 2 - 1) * 8
    if outputs > 1:
        logits[:, kind : kind + 1] = 8
    return logits


@pytest.mark.parametrize("outputs", [1, 1 + len(KINDS)])
def test_damage_is_judged_alike_with_and_without_kinds(outputs):
    truth = a_hair()
    kinds = truth * Damage.HAIR
    task = DamageTask(Answer(perfect(truth, Damage.HAIR, outputs)), 1e-3, 10)
    batch = [torch.rand(1, 3, 48, 48), truth, kinds]
    figures = task.measure(batch)
    assert float(figures["score"]) == pytest.approx(1, abs=1e-3)
    assert task.count == Count(1, 1, 0, 48 * 48)
    assert ("kind" in figures) == (outputs > 1)
    assert float(task.loss(batch).detach()) < 0.01
    assert [p.shape[1] for p in task.pictures(batch)] == [3, 1, 1]


def test_the_wrong_kind_costs_and_an_unknown_one_does_not():
    truth, outputs = a_hair(), 1 + len(KINDS)
    task = DamageTask(Answer(perfect(truth, Damage.DUST, outputs)), 1e-3, 10)
    hair, unknown = truth * Damage.HAIR, truth * 0
    wrong, silent = (task.loss([torch.rand(1, 3, 48, 48), truth, k]) for k in (hair, unknown))
    assert wrong > silent + 0.1
    assert float(task.measure([torch.rand(1, 3, 48, 48), truth, hair])["kind"]) == 0


def test_of_a_stain_only_the_kind_is_learned():
    where, outputs = a_hair(), 1 + len(KINDS)
    answer = Answer(torch.zeros(1, outputs, 48, 48))
    stain = [torch.rand(1, 3, 48, 48), where * 0.5, where * Damage.STAIN]
    DamageTask(answer, 1e-3, 10).loss(stain).backward()
    pulled = answer.logits.grad.abs()
    assert pulled[:, :1][where < 0.5].min() > 0 == pulled[:, :1][where >= 0.5].max()
    assert pulled[:, Damage.STAIN][where[:, 0] >= 0.5].min() > 0


@pytest.mark.parametrize("name", FILL)
def test_losses_of_fills_look_inside_the_mask_only(name):
    torch.manual_seed(0)
    truth, mask = torch.rand(2, 3, 16, 16), torch.zeros(2, 1, 16, 16)
    mask[0, :, 4:8, 4:8] = 1  # The second crop has no hole.
    filled = (truth + 0.1).requires_grad_()
    outside = truth + 0.1 + torch.rand_like(truth) * (1 - mask)
    loss = FILL[name](filled, truth, mask)
    assert float(loss.detach()) == pytest.approx(float(FILL[name](outside, truth, mask)))
    loss.backward()
    slope = filled.grad.abs()
    assert (slope * (1 - mask)).max() == 0 and (slope[0][:, mask[0, 0] > 0] > 0).all()
    assert float(FILL[name](truth, truth, mask)) < float(loss.detach())
    assert torch.isfinite(FILL[name](truth, truth, mask * 0))


def test_the_loss_by_psnr_weighs_crops_alike_and_is_the_psnr():
    truth, mask = torch.zeros(2, 3, 8, 8), torch.ones(2, 1, 8, 8)
    filled = torch.stack([torch.full((3, 8, 8), 0.1), torch.full((3, 8, 8), 0.01)])
    # -20 dB and -40 dB; the 1e-5 keeps a perfect crop from drowning the others.
    expected = np.mean(np.log10([1e-2 + 1e-5, 1e-4 + 1e-5]))
    assert float(FILL["psnr"](filled, truth, mask)) == pytest.approx(expected, rel=1e-4)
