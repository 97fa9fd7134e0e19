"""Units that never fire begin anew, and nothing that a network says changes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.train.fading import FadingNet  # noqa: E402
from unfade.train.nets import ResidualNet, SegmentationNet, VerifyNet  # noqa: E402
from unfade.train.nets.restormer import Restormer, Shape  # noqa: E402
from unfade.train.revive import revive  # noqa: E402

TINY = (4, 6, 8)


def rectified(net, examples):
    """Of each rectifier in the order they ran, which of its channels fired."""
    seen = []
    hooks = [
        module.register_forward_hook(
            lambda _, __, answer: seen.append((answer > 0).transpose(0, 1).flatten(1).any(1))
        )
        for module in net.modules()
        if isinstance(module, torch.nn.ReLU)
    ]
    with torch.no_grad():
        net(examples)
    for hook in hooks:
        hook.remove()
    return seen


def silenced(net, name, channels):
    """Let some units of a layer or normalization stay below zero, whatever is shown."""
    with torch.no_grad():
        net.get_submodule(name).weight[channels] = 0
        net.get_submodule(name).bias[channels] = -3
    return net.eval()


def segmentation():
    return silenced(SegmentationNet(TINY, 3, 1), "down.1.1.1", [1, 4])


def residual():
    net = ResidualNet(TINY, 3, 3, 1)
    with torch.no_grad():
        net.encode[1][0].second.weight.normal_()
        net.last.weight.normal_()
    return silenced(net, "encode.1.0.first", [0, 5])


def verify():
    return silenced(VerifyNet((4, 6, 8)), "head.0", [3, 100])


def fading():
    return silenced(FadingNet(), "trunk.4", [7, 200])


NETS = [
    (segmentation, (6, 3, 32, 32)),
    (residual, (6, 3, 32, 32)),
    (verify, (6, 9, 64, 64)),
    (fading, (16, 3, 128, 128)),
]


@pytest.mark.parametrize(("make", "shape"), NETS)
def test_silent_units_fire_again_and_answers_stay(make, shape):
    torch.manual_seed(0)
    net, examples = make(), torch.rand(shape)
    with torch.no_grad():
        before = net(examples)
    silent = sum(int((~fires).sum()) for fires in rectified(net, examples))
    assert silent >= 2
    assert revive(net, examples) >= 2
    assert sum(int((~fires).sum()) for fires in rectified(net, examples)) <= silent - 2
    with torch.no_grad():
        assert torch.allclose(net(examples), before, atol=1e-3)


SILENT = {
    segmentation: ("down.1.1.0", [1, 4]),
    residual: ("encode.1.0.first", [0, 5]),
    verify: ("head.0", [3, 100]),
    fading: ("trunk.3", [7, 200]),
}


@pytest.mark.parametrize(("make", "shape"), NETS)
def test_what_begins_anew_can_learn(make, shape):
    torch.manual_seed(0)
    net, examples = make(), torch.rand(shape)
    layer, units = SILENT[make]
    revive(net, examples)
    assert not net.training
    for _ in range(2):  # First whoever hears the unit learns, then the unit.
        net.zero_grad()
        net(examples).square().sum().backward()
        with torch.no_grad():
            for weight in net.parameters():
                weight -= 1e-5 * weight.grad.sign()
    learned = net.get_submodule(layer).weight.grad[units]
    assert (learned.flatten(1).abs().sum(1) > 0).all()


def test_a_network_in_which_all_fire_keeps_its_very_weights():
    torch.manual_seed(0)
    net, examples = ResidualNet(TINY, 3, 3, 1).eval(), torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        for name, bias in net.named_parameters():
            if name.endswith("first.bias"):
                bias.fill_(3)
    assert all(fires.all() for fires in rectified(net, examples))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert revive(net, examples) == 0
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_units_with_a_way_around_them_that_is_heard_are_left():
    """On that way a new unit would change what all that follows hears."""
    torch.manual_seed(0)
    net = FadingNet()
    with torch.no_grad():
        net.numbers.weight.normal_()
        net.body[1].norm.weight[3], net.body[1].norm.bias[3] = 0, -3
        net.body[1].norm2.bias[3] = 2  # Heard after all, around the silent unit.
    net.eval()
    examples = torch.rand(8, 3, 128, 128)
    before = {name: value.clone() for name, value in net.body[1].state_dict().items()}
    with torch.no_grad():
        answer = net(examples)
    revive(net, examples)
    assert torch.equal(net.body[1].norm.bias[3], before["norm.bias"][3])
    assert torch.equal(net.body[1].down.weight[3], before["down.weight"][3])
    with torch.no_grad():
        assert torch.allclose(net(examples), answer, atol=1e-3)


def test_what_has_no_rectifiers_is_left_as_it_is():
    torch.manual_seed(0)
    net = Restormer(Shape(width=8, blocks=(1,) * 4, back=(1,) * 4, heads=(1,) * 4)).eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert revive(net, torch.rand(1, 3, 32, 32)) == 0
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
