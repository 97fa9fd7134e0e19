"""The small picture of a file: what is shown is what lies there now."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pyvips

from unfade.io.proxy import read_proxy


def grey(value: int, height: int, width: int) -> pyvips.Image:
    plane = np.full((height, width, 3), value, np.uint8)
    return pyvips.Image.new_from_array(plane).copy(interpretation="srgb")


@pytest.mark.parametrize(
    ("suffix", "options"),
    [(".png", {}), (".png", {"interlace": True}), (".jpg", {"interlace": True}), (".tif", {})],
)
def test_a_file_that_changed_under_its_name_is_read_anew(
    tmp_path: Path, suffix: str, options: dict[str, object]
) -> None:
    path = tmp_path / f"scan{suffix}"
    for value, size in ((10, (40, 30)), (200, (64, 48)), (90, (64, 48))):
        # Not written by libvips under this name, which would clear its own cache of it.
        path.write_bytes(grey(value, *size).write_to_buffer(suffix, **options))
        proxy = read_proxy(path, 512)
        assert proxy.size == size
        assert proxy.photo.pixels.mean() * 255 == pytest.approx(value, abs=1)
