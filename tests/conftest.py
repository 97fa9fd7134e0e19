"""What holds for all tests."""

import numpy as np
import pytest
from hypothesis import settings

# A busy machine is slow, and that says nothing about the code.
settings.register_profile("unfade", deadline=None)
settings.load_profile("unfade")


@pytest.fixture(autouse=True)
def _no_own_networks(tmp_path_factory, monkeypatch):
    """The networks that a developer added for himself are not part of the tests."""
    monkeypatch.setenv("UNFADE_MODELS", str(tmp_path_factory.getbasetemp() / "own-models"))


@pytest.fixture
def scan(tmp_path):
    """A small PNG on the disk."""
    from unfade.io.write import write
    from unfade.photo import Photo

    path = tmp_path / "scan.png"
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    write(Photo.from_array(pixels), path)
    return path
