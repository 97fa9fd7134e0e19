"""The facts beside the weights, in and out of TOML."""

import numpy as np
import pytest

from unfade.errors import ModelError
from unfade.models.card import ModelCard
from unfade.models.zoo import SHIPPED, Zoo

CARD = ModelCard(
    "denoise",
    "denoise",
    "ab" * 32,
    inputs=(3, 1),
    halo=48,
    about='Says "hello",\nwith a \\ and\ta tab.',
    quality={"psnr": 31.5, "ssim at 5/255": 0.9},
)


def test_a_card_comes_back_from_toml_as_it_went():
    assert ModelCard.from_toml(CARD.to_toml()) == CARD


def test_figures_measured_by_numpy_are_written_as_numbers():
    card = ModelCard("a", "denoise", "", quality={"psnr": np.float32(31.5)})
    assert ModelCard.from_toml(card.to_toml()).quality == {"psnr": 31.5}


@pytest.mark.parametrize(
    "text",
    [
        "name =",
        'name = "a"',
        'name = "a"\ntask = "b"\nsha256 = ""\ncolor = "red"',
        'name = "a"\ntask = "b"\nsha256 = ""\ninputs = 3',
        "x = " + "[" * 5000 + "]" * 5000,
        "halo = " + "9" * 5000,
    ],
    ids=["not TOML", "fields missing", "unknown field", "inputs no list", "nested", "digits"],
)
def test_what_is_no_card_is_refused(text):
    with pytest.raises(ModelError, match="not a model card"):
        ModelCard.from_toml(text)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "5", "text in quotes, got 5"),
        ("task", "[]", "text in quotes"),
        ("sha256", "1", "text in quotes"),
        ("about", "false", "text in quotes"),
        ("inputs", "[1000000000]", "1 to 16 whole numbers within 1 to 4096 in brackets"),
        ("inputs", "[]", "1 to 16 whole numbers"),
        ("inputs", "[3, 0]", "1 to 16 whole numbers"),
        ("inputs", "[3.0]", "1 to 16 whole numbers"),
        ("inputs", "[true]", "1 to 16 whole numbers"),
        ("channels_out", "0", "a whole number within 1 to 4096, got 0"),
        ("scale", "0.5", "a whole number within 1 to 64"),
        ("multiple_of", "0", "a whole number within 1 to 4096"),
        ("halo", '"a"', "a whole number within 0 to 65536, got 'a'"),
        ("halo", "-1", "a whole number"),
        ("bytes_per_pixel", "0", "a whole number within 1 to"),
        ("bytes_per_pixel", "true", "a whole number within 1 to"),
        ("parameters", "-1", "a whole number"),
        ("tiling", '"stripes"', "tiles or whole, got 'stripes'"),
        ("tiling", "[]", "tiles or whole"),
        ("exact", '"no"', "true or false"),
        ("calibration", '["a"]', "numbers in brackets"),
        ("calibration", "[nan]", "numbers in brackets"),
        ("quality", "3", "a table of numbers"),
        ("quality", '{psnr = "good"}', "a table of numbers"),
    ],
)
def test_a_field_that_cannot_be_so_is_named(field, value, words):
    fields = {"name": '"a"', "task": '"b"', "sha256": '""', field: value}
    text = "\n".join(f"{key} = {told}" for key, told in fields.items())
    with pytest.raises(ModelError, match=f"not a model card: {field} must be {words}"):
        ModelCard.from_toml(text)


def test_the_shipped_cards_are_cards():
    assert all(card.parameters > 0 and card.inputs for card in Zoo(SHIPPED).list())
