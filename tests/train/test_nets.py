"""Tests of the networks: published sizes and names, what they promise about shapes."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unfade.errors import ModelError  # noqa: E402
from unfade.train.nets import NETS, PhotoUNet, Restormer, UNet, make_net  # noqa: E402
from unfade.train.nets.keys import from_popular, is_popular  # noqa: E402
from unfade.train.nets.restormer import RESTORMERS, Shape  # noqa: E402
from unfade.train.nets.unet import UNET_WIDTHS, RecurrentUnit  # noqa: E402

TINY = (4, 6, 8, 8, 8)
TINY_RESTORMER = Shape(width=8, blocks=(1, 1, 1, 1), back=(1, 1, 1, 1))


def numbers(net):
    return sum(p.numel() for p in net.parameters())


def shapes(net):
    return {key: tuple(value.shape) for key, value in net.state_dict().items()}


@pytest.mark.parametrize(
    ("gated", "recurrent", "grey", "color"),
    [
        (False, False, 34_525_889, 34_527_041),
        (True, False, 34_877_421, 34_878_573),
        (False, True, 39_091_265, 39_091_393),
        (True, True, 39_442_797, 39_442_925),
    ],
)
def test_the_u_nets_have_as_many_parameters_as_published(gated, recurrent, grey, color):
    with torch.device("meta"):
        for inputs, count in ((1, grey), (3, color)):
            net = UNet(UNET_WIDTHS["base"], inputs, gated=gated, recurrent=recurrent)
            assert numbers(net) == count


@pytest.mark.parametrize(
    ("shape", "count", "tensors"),
    [
        (Shape(), 26_126_644, 494),
        (Shape(bias=False), 26_111_668, 406),
        (Shape(inputs=1, outputs=1, bias=False), 26_109_076, 406),
        (Shape(inputs=6), 26_132_548, 495),
    ],
)
def test_restormer_has_as_many_parameters_as_published(shape, count, tensors):
    with torch.device("meta"):
        net = Restormer(shape)
    assert (numbers(net), len(net.state_dict())) == (count, tensors)


def official_table(inputs, outputs, bias):
    """Every key of an official file with its shape, from the published description alone."""
    table = {"patch_embed.proj.weight": (48, inputs, 3, 3), "output.weight": (outputs, 96, 3, 3)}
    groups = {
        "encoder_level1": (48, 4, 1),
        "encoder_level2": (96, 6, 2),
        "encoder_level3": (192, 6, 4),
        "latent": (384, 8, 8),
        "decoder_level3": (192, 6, 4),
        "decoder_level2": (96, 6, 2),
        "decoder_level1": (96, 4, 1),
        "refinement": (96, 4, 1),
    }
    hidden = {48: 127, 96: 255, 192: 510, 384: 1021}
    for name, (c, count, heads) in groups.items():
        for i in range(count):
            at, h = f"{name}.{i}.", hidden[c]
            for norm in ("norm1", "norm2"):
                table[f"{at}{norm}.body.weight"] = (c,)
                if bias:
                    table[f"{at}{norm}.body.bias"] = (c,)
            table[f"{at}attn.temperature"] = (heads, 1, 1)
            table[f"{at}attn.qkv.weight"] = (3 * c, c, 1, 1)
            table[f"{at}attn.qkv_dwconv.weight"] = (3 * c, 1, 3, 3)
            table[f"{at}attn.project_out.weight"] = (c, c, 1, 1)
            table[f"{at}ffn.project_in.weight"] = (2 * h, c, 1, 1)
            table[f"{at}ffn.dwconv.weight"] = (2 * h, 1, 3, 3)
            table[f"{at}ffn.project_out.weight"] = (c, h, 1, 1)
    for name, c in (("down1_2", 48), ("down2_3", 96), ("down3_4", 192)):
        table[f"{name}.body.0.weight"] = (c // 2, c, 3, 3)
    for name, c in (("up4_3", 384), ("up3_2", 192), ("up2_1", 96)):
        table[f"{name}.body.0.weight"] = (2 * c, c, 3, 3)
    table["reduce_chan_level3.weight"] = (192, 384, 1, 1)
    table["reduce_chan_level2.weight"] = (96, 192, 1, 1)
    if inputs != outputs:
        table["skip_conv.weight"] = (96, 48, 1, 1)
    return table


@pytest.mark.parametrize(
    ("inputs", "outputs", "bias"), [(3, 3, True), (3, 3, False), (1, 1, False), (6, 3, True)]
)
def test_official_files_of_restormer_fit(inputs, outputs, bias):
    table = official_table(inputs, outputs, bias)
    with torch.device("meta"):
        state = {key: torch.empty(shape) for key, shape in table.items()}
        net = Restormer.from_state(state)
    assert shapes(net) == table
    assert net.shape == Shape(inputs=inputs, outputs=outputs, bias=bias)


def test_a_small_restormer_is_read_back_and_answers_the_same():
    net = Restormer(TINY_RESTORMER)
    again = Restormer.from_state(net.state_dict())
    picture = torch.rand(1, 3, 16, 24)
    assert torch.equal(net(picture), again(picture))


def test_other_weights_are_not_taken_for_a_restormer():
    state = UNet(TINY).state_dict()
    with pytest.raises(ModelError, match="not the weights of a Restormer"):
        Restormer.from_state(state)
    state = Restormer(TINY_RESTORMER).state_dict()
    del state["latent.0.attn.qkv.weight"]
    with pytest.raises(ModelError, match=r"latent\.0\.attn\.qkv"):
        Restormer.from_state(state)


def test_bias_free_normalization_divides_and_does_not_subtract():
    net = Restormer(Shape(width=8, blocks=(1,) * 4, back=(1,) * 4, bias=False))
    x = torch.rand(1, 8, 2, 2) + 3
    expected = x / torch.sqrt(x.var(1, keepdim=True, unbiased=False) + 1e-5)
    assert torch.allclose(net.encoder_level1[0].norm1(x), expected, atol=1e-4)


def test_attention_of_restormer_is_between_channels():
    attention = Restormer(TINY_RESTORMER).encoder_level3[0].attn
    x = torch.rand(1, 32, 4, 6)
    heads = 4
    q, k, v = attention.qkv_dwconv(attention.qkv(x)).chunk(3, dim=1)
    planes = []
    for h in range(heads):
        rows = slice(8 * h, 8 * h + 8)
        q_h, k_h, v_h = (p[0, rows].reshape(8, 24) for p in (q, k, v))
        q_h, k_h = (p / p.norm(dim=1, keepdim=True) for p in (q_h, k_h))
        planes.append(torch.softmax(q_h @ k_h.T * attention.temperature[h], dim=1) @ v_h)
    expected = attention.project_out(torch.cat(planes).reshape(1, 32, 4, 6))
    assert torch.allclose(attention(x), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("task", "net"),
    [(task, net) for task in ("damage", "inpaint", "restore") for net in NETS[task]],
)
def test_every_network_of_every_task_keeps_the_size(task, net):
    inputs, outputs = {"damage": (3, 7), "inpaint": (4, 3)}.get(task, (3, 3))
    with torch.device("meta"):
        made = make_net(task, net, "small", inputs, outputs).eval()
        size = (made.multiple_of, 3 * made.multiple_of)
        assert made(torch.empty(2, inputs, *size)).shape == (2, outputs, *size)


def test_the_presets_differ_in_size():
    with torch.device("meta"):
        for task in ("damage", "inpaint", "restore"):
            for net in NETS[task]:
                small, base = (make_net(task, net, p, 3, 3) for p in ("small", "base"))
                assert 2 * numbers(small) < numbers(base)


def test_an_unknown_network_or_preset_is_named():
    with pytest.raises(ValueError, match="no network 'vgg' for damage; known: efficient, unet"):
        make_net("damage", "vgg", "small", 3, 1)
    with pytest.raises(ValueError, match="no preset 'huge'; known: small, base"):
        make_net("damage", "unet", "huge", 3, 1)


def popular_names(recurrent, gated):
    """The names of the popular implementation, as they are published."""
    plain = [f"conv.{i}.{n}" for i in (0, 3) for n in ("weight", "bias")]
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    plain += [f"conv.{i}.{n}" for i in (1, 4) for n in norm]
    unit = [f"conv.0.{n}" for n in ("weight", "bias")] + [f"conv.1.{n}" for n in norm]
    loop = ["Conv_1x1.weight", "Conv_1x1.bias", *(f"RCNN.{u}.{n}" for u in (0, 1) for n in unit)]
    block, names = (loop if recurrent else plain), ["Conv_1x1.weight", "Conv_1x1.bias"]
    names += [f"{'RRCNN' if recurrent else 'Conv'}{k}.{n}" for k in range(1, 6) for n in block]
    for k in range(2, 6):
        names += [f"{'Up_RRCNN' if recurrent else 'Up_conv'}{k}.{n}" for n in block]
        names += [f"Up{k}.up.1.{n}" for n in ("weight", "bias")]
        names += [f"Up{k}.up.2.{n}" for n in norm]
        for part in ("W_g", "W_x", "psi") if gated else ():
            names += [f"Att{k}.{part}.0.{n}" for n in ("weight", "bias")]
            names += [f"Att{k}.{part}.1.{n}" for n in norm]
    return names


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("gated", [False, True])
def test_names_of_popular_u_net_files_become_ours(recurrent, gated):
    theirs = {name: torch.zeros(4) for name in popular_names(recurrent, gated)}
    assert is_popular(theirs)
    ours = UNet(TINY, gated=gated, recurrent=recurrent).state_dict()
    assert set(from_popular(theirs)) == set(ours)
    assert not is_popular(ours)


def test_every_level_of_a_popular_file_comes_to_its_place():
    net = UNet(TINY, gated=True)
    state = from_popular({"Up5.up.1.bias": torch.ones(1), "Att2.psi.0.bias": torch.ones(2)})
    assert list(state) == ["grow.3.1.bias", "gate.0.psi.0.bias"]
    assert net.grow[3][1].out_channels == TINY[3]
    assert net.gate[0].psi[0].in_channels == TINY[0] // 2


def test_a_recurrent_unit_goes_three_times_over_the_same_weights():
    unit = RecurrentUnit(2)
    with torch.no_grad():
        unit.conv.weight.zero_()
        unit.conv.bias.zero_()
        unit.conv.weight[:, :, 1, 1] = 0.5 * torch.eye(2)
    x = torch.full((1, 2, 4, 4), 1.0)
    # h0 = x/2, h1 = (x + x/2)/2, h2 = (x + 3x/4)/2; the untrained normalization changes nothing.
    assert float(unit.eval()(x).mean()) == pytest.approx(0.875, abs=1e-4)


def test_recurrent_statistics_are_those_of_each_step():
    """With one set for all steps, evaluation would differ from training however long it ran."""
    torch.manual_seed(0)
    unit, x = RecurrentUnit(6), torch.randn(4, 6, 8, 8)
    for _ in range(60):
        seen = unit(x)
    assert torch.allclose(unit.eval()(x), seen, atol=0.02)
    assert not torch.allclose(unit.norm.running_mean[0], unit.norm.running_mean[2], atol=0.02)


def test_an_attention_gate_only_takes_away():
    gate = UNet(TINY, gated=True).eval().gate[1]
    skip = torch.rand(1, TINY[1], 8, 8)
    passed = gate(torch.rand(1, TINY[1], 8, 8), skip)
    assert (passed <= skip).all() and (passed > 0).all()


def test_untrained_a_photo_u_net_changes_nothing_and_colors_if_asked():
    net = PhotoUNet((4, 8, 8), inputs=1, outputs=3)
    assert torch.equal(net(torch.rand(1, 1, 16, 16)), torch.zeros(1, 3, 16, 16))
    assert net.multiple_of == 4


@pytest.mark.parametrize(
    "net",
    [
        UNet(TINY, outputs=7, gated=True, recurrent=True),
        Restormer(Shape(width=8, blocks=(1,) * 4, back=(1,) * 4, bias=False)),
        PhotoUNet((4, 6, 8)),
    ],
    ids=["r2att", "restormer", "photo"],
)
def test_every_family_survives_the_export_at_any_size(net, tmp_path):
    ort = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    torch.manual_seed(0)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=1 / math.sqrt(max(1, parameter[0].numel())))
    net.eval()
    path, axes = tmp_path / "net.onnx", {"input": {2: "h", 3: "w"}, "output": {2: "h", 3: "w"}}
    torch.onnx.export(
        net,
        (torch.rand(1, 3, 16, 32),),
        str(path),
        input_names=["input"],
        output_names=["output"],
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    picture = torch.rand(1, 3, 48, 16)
    answer = session.run(None, {"input": picture.numpy()})[0]
    with torch.no_grad():
        expected = net(picture).numpy()
    assert np.abs(answer - expected).max() < 1e-4 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("preset", RESTORMERS)
def test_restormer_presets_have_whole_heads(preset):
    shape = RESTORMERS[preset]
    assert all((shape.width * 2**k) % heads == 0 for k, heads in enumerate(shape.heads))
