"""A person's own networks: tried, kept, found first, taken away again."""

import dataclasses

import numpy as np
import pytest
from click.testing import CliRunner

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from unfade.cli.main import unfade  # noqa: E402
from unfade.darkroom import Darkroom  # noqa: E402
from unfade.engines import open_engine  # noqa: E402
from unfade.errors import ModelError  # noqa: E402
from unfade.models.card import ModelCard  # noqa: E402
from unfade.models.own import SIDES, add_model, remove_model  # noqa: E402
from unfade.models.zoo import SHIPPED, Zoo, checksum, own_folder  # noqa: E402
from unfade.stages.fading import PROXY_SIDE  # noqa: E402
from unfade.stages.verify import VIEW_SIDE  # noqa: E402

CARD = ModelCard("mine", "denoise", "", inputs=(3,), channels_out=3)


def network(path, channels=3):
    """One 1x1 convolution that halves."""
    helper = onnx.helper
    weight = onnx.numpy_helper.from_array(
        np.eye(channels, 3, dtype=np.float32)[:, :, None, None] / 2, "weight"
    )
    kind = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Conv", ["input", "weight"], ["output"])],
        "mine",
        [helper.make_tensor_value_info("input", kind, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info("output", kind, [1, channels, "h", "w"])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.fixture
def mine(tmp_path):
    path = network(tmp_path / "mine.onnx")
    (tmp_path / "mine.toml").write_text(CARD.to_toml(), "utf-8")
    return path


@pytest.fixture
def engine():
    return open_engine("onnxruntime")


def test_an_own_network_is_kept_with_its_checksum_and_found(mine, engine, tmp_path):
    kept = add_model(mine, engine, folder=tmp_path / "own")
    assert kept == dataclasses.replace(CARD, sha256=checksum(mine))
    zoo = Zoo(tmp_path / "own")
    assert zoo.verify() == {"mine": ""}
    model = Darkroom("onnxruntime", zoo=zoo).model("mine")
    assert model(np.ones((5, 7, 3), np.float32)) == pytest.approx(np.full((5, 7, 3), 0.5))
    assert sorted(p.name for p in (tmp_path / "own").iterdir()) == ["mine.onnx", "mine.toml"]


def test_an_own_network_goes_before_a_shipped_one(mine, engine):
    path = mine.with_name("damage.onnx")
    mine.rename(path)
    card = dataclasses.replace(CARD, name="damage", task="damage")
    mine.with_name("damage.toml").write_text(card.to_toml(), "utf-8")
    add_model(path, engine)
    assert Zoo().find("damage")[0] == own_folder() / "damage.onnx"
    remove_model("damage")
    assert Zoo().find("damage")[0] != own_folder() / "damage.onnx"


@pytest.mark.parametrize("name", [card.name for card in Zoo(SHIPPED).list()])
def test_every_network_that_ships_could_be_added(name, engine, tmp_path):
    path = SHIPPED / f"{name}.onnx"
    assert add_model(path, engine, folder=tmp_path / "own").sha256 == checksum(path)


def test_sizes_are_those_that_the_stages_give():
    assert SIDES == {"fading": PROXY_SIDE, "verify": VIEW_SIDE}


@pytest.mark.parametrize(
    ("facts", "complaint"),
    [
        ({"sha256": "0" * 64}, "it is the card of another file"),
        ({"channels_out": 1}, r"mine.onnx answers \(96, 128, 3\), its card says \(96, 128, 1\)"),
        ({"scale": 2}, r"its card says \(192, 256, 3\)"),
        ({"inputs": (4,)}, r"does not take 128 x 96 px as its card says \(inputs \(4,\)"),
        ({"name": "../mine"}, "a name has letters, digits"),
    ],
)
def test_a_card_that_says_something_else_is_refused(facts, complaint, mine, engine, tmp_path):
    card = dataclasses.replace(CARD, **facts)
    mine.with_suffix(".toml").write_text(card.to_toml(), "utf-8")
    with pytest.raises(ModelError, match=complaint):
        add_model(mine, engine, folder=tmp_path / "own")
    assert not (tmp_path / "own").exists()


def test_a_network_without_a_card_is_refused(mine, engine, tmp_path):
    mine.with_suffix(".toml").unlink()
    with pytest.raises(ModelError, match=r"mine\.toml is missing; a network comes with a card"):
        add_model(mine, engine, folder=tmp_path / "own")


def test_only_own_networks_are_removed(tmp_path):
    with pytest.raises(ModelError, match="no model 'denoise' of your own; yours: none"):
        remove_model("denoise")
    with pytest.raises(ModelError, match="no model"):
        remove_model("../denoise")


def test_the_command_adds_lists_and_removes(mine):
    def call(*words):
        return CliRunner().invoke(unfade, ["models", *words])

    result = call("add", str(mine), "--engine", "onnxruntime")
    assert result.exit_code == 0 and "mine: kept in" in result.output
    assert "mine" in call().output
    assert call("remove", "mine").exit_code == 0
    assert "mine" not in call().output
    result = call("remove", "mine")
    assert result.exit_code == 1 and "of your own" in result.output


@pytest.mark.parametrize("task", ["restore", "deblur"])
def test_a_network_that_restoring_never_asks_for_is_said_to_be_only_kept(task, mine):
    mine.with_suffix(".toml").write_text(
        dataclasses.replace(CARD, name=task, task=task).to_toml(), "utf-8"
    )
    words = ["models", "add", str(mine), "--engine", "onnxruntime"]
    told = CliRunner().invoke(unfade, words).output
    remove_model(task)
    assert "`unfade restore` never asks for it" in told and "damage, denoise" in told
