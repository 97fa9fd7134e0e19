"""A TIFF of two pages, and what a folder holds."""

import numpy as np
import pytest

from unfade.io.pages import join_pages
from unfade.io.write import write
from unfade.photo import Photo


@pytest.fixture
def pages(tmp_path):
    """A TIFF of two pages, of 12 and of 20 rows."""
    folder = tmp_path / "scans"
    folder.mkdir()
    singles = [tmp_path / "1.tif", tmp_path / "2.tif"]
    for number, path in enumerate(singles):
        size = (12 + 8 * number, 16, 3)
        pixels = np.random.default_rng(number).integers(0, 256, size, dtype=np.uint8)
        write(Photo.from_array(pixels), path)
    join_pages(singles, folder / "p.tif")
    for path in singles:
        path.unlink()
    return folder / "p.tif"


@pytest.fixture
def content():
    """What lies in a folder: bytes by name, hidden files too."""
    return lambda folder: {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
