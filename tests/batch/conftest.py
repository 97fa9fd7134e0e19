"""Photos and stages that other processes can load too."""

import sys
from pathlib import Path

import numpy as np
import pytest

from unfade.io.write import write
from unfade.photo import Photo

# A process of a pool finds `pooled` by the path that it inherits.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def album(tmp_path):
    """A folder of six small photos."""
    folder = tmp_path / "album"
    folder.mkdir()
    for number in range(6):
        pixels = np.random.default_rng(number).integers(0, 256, (12, 16, 3), dtype=np.uint8)
        write(Photo.from_array(pixels), folder / f"{number}.png")
    return folder
