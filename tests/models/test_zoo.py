"""Networks are found by name, and only if they are what their cards say."""

import pytest

from unfade.errors import ModelError
from unfade.models.card import ModelCard
from unfade.models.zoo import SHIPPED, Zoo, checksum, own_folder


def add(folder, name, content=b"weights", **facts):
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.onnx").write_bytes(content)
    card = ModelCard(name, "denoise", checksum(folder / f"{name}.onnx"), **facts)
    (folder / f"{name}.toml").write_text(card.to_toml(), "utf-8")
    return card


def test_a_network_is_found_with_its_card(tmp_path):
    card = add(tmp_path, "denoise", halo=32)
    assert Zoo(tmp_path).find("denoise") == (tmp_path / "denoise.onnx", card)


@pytest.mark.parametrize("name", ["faces", "", "../denoise", "denoise.onnx"])
def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path, name):
    add(tmp_path / "in", "inpaint")
    add(tmp_path, "denoise")
    with pytest.raises(ModelError, match=r"no model '.*'; known: inpaint$"):
        Zoo(tmp_path / "in").find(name)


def test_altered_weights_are_not_used(tmp_path):
    add(tmp_path, "denoise")
    (tmp_path / "denoise.onnx").write_bytes(b"weightz")
    with pytest.raises(ModelError, match=r"denoise\.onnx is altered"):
        Zoo(tmp_path).find("denoise")


def test_a_card_without_its_network_says_so(tmp_path):
    add(tmp_path, "denoise")
    (tmp_path / "denoise.onnx").unlink()
    with pytest.raises(ModelError, match=r"denoise\.onnx is missing"):
        Zoo(tmp_path).find("denoise")


def test_a_card_of_another_network_is_refused(tmp_path):
    add(tmp_path, "denoise")
    (tmp_path / "denoise.toml").rename(tmp_path / "inpaint.toml")
    with pytest.raises(ModelError, match="card of 'denoise'"):
        Zoo(tmp_path).find("inpaint")


def test_the_first_folder_that_has_a_name_wins(tmp_path):
    mine = add(tmp_path / "mine", "denoise", b"mine")
    add(tmp_path / "theirs", "denoise", b"theirs")
    add(tmp_path / "theirs", "inpaint")
    zoo = Zoo(tmp_path / "mine", tmp_path / "theirs")
    assert zoo.find("denoise")[1] == mine
    assert [card.name for card in zoo.list()] == ["denoise", "inpaint"]


def test_verifying_names_every_problem(tmp_path):
    for name in ("altered", "broken", "good", "missing"):
        add(tmp_path, name)
    (tmp_path / "altered.onnx").write_bytes(b"weightz")
    (tmp_path / "broken.toml").write_text("name =")
    (tmp_path / "missing.onnx").unlink()
    problems = Zoo(tmp_path).verify()
    assert {name for name, problem in problems.items() if not problem} == {"good"}
    assert "is altered" in problems["altered"]
    assert "not a model card" in problems["broken"]
    assert "is missing" in problems["missing"]


def test_a_folder_that_does_not_exist_holds_nothing(tmp_path):
    zoo = Zoo(tmp_path / "nowhere")
    assert zoo.list() == ()
    with pytest.raises(ModelError, match="known: none"):
        zoo.find("denoise")


def test_the_shipped_weights_are_what_their_cards_say():
    assert Zoo().folders == (own_folder(), SHIPPED)
    assert SHIPPED.is_dir()
    assert {name: problem for name, problem in Zoo().verify().items() if problem} == {}
