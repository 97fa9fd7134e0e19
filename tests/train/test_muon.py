"""Muon: equal steps in all directions of a matrix, and as long as those of Adam."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from unfade.train.muon import LIKE_ADAM, Muon, orthogonal  # noqa: E402


@pytest.mark.parametrize("shape", [(8, 72), (72, 8), (16, 16)], ids=str)
def test_singular_values_come_near_one_and_directions_stay(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    near = orthogonal(matrix)
    assert near.shape == matrix.shape and near.dtype == matrix.dtype
    values = torch.linalg.svdvals(near)
    assert values.min() > 0.6 and values.max() < 1.3
    assert nn.functional.cosine_similarity(near.flatten(), (u @ v).flatten(), 0) > 0.97


def test_no_gradient_is_no_direction():
    assert torch.equal(orthogonal(torch.zeros(4, 9)), torch.zeros(4, 9))


def test_a_step_is_as_long_as_one_of_adam():
    torch.manual_seed(0)
    net = nn.Conv2d(8, 16, 3, bias=False)
    before = net.weight.detach().clone()
    optimizer = Muon(net, lr=0.01, decay=0.0)
    net(torch.randn(2, 8, 9, 9)).square().mean().backward()
    optimizer.step()
    step = float((net.weight.detach() - before).square().mean().sqrt())
    assert step == pytest.approx(LIKE_ADAM * 0.01, rel=0.3)


def test_biases_take_the_very_steps_of_adam():
    torch.manual_seed(0)
    ours, theirs = (nn.Linear(5, 3) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    muon = Muon(ours, lr=0.02, decay=0.0)
    adam = torch.optim.Adam([theirs.bias], lr=0.02)
    for _ in range(5):
        picture = torch.randn(4, 5)
        for net, optimizer in ((ours, muon), (theirs, adam)):
            optimizer.zero_grad()
            net(picture).pow(4).mean().backward()
            optimizer.step()
        theirs.weight.data.copy_(ours.weight.data)
    assert torch.allclose(ours.bias, theirs.bias, atol=1e-6)


def test_a_direction_that_another_drowns_gets_a_step_as_long():
    torch.manual_seed(0)
    net = nn.Linear(12, 12, bias=False)
    u, v = (torch.linalg.qr(torch.randn(12, 12))[0] for _ in range(2))
    loudness = torch.tensor([100.0, 3.0] + [0.0] * 10)
    before = net.weight.detach().clone()
    net.weight.grad = u @ torch.diag(loudness) @ v.T
    Muon(net, lr=0.01, decay=0.0).step()
    taken = u.T @ (before - net.weight.detach()) @ v
    assert 0.5 < taken[1, 1] / taken[0, 0] < 2
