"""The facts beside the weights, in and out of TOML."""

import numpy as np
import pytest

from unfade.errors import ModelError
from unfade.models.card import ModelCard

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
    ],
    ids=["not TOML", "fields missing", "unknown field", "inputs no list"],
)
def test_what_is_no_card_is_refused(text):
    with pytest.raises(ModelError, match="not a model card"):
        ModelCard.from_toml(text)
