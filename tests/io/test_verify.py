from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unfade.errors import WriteError
from unfade.io import write as module
from unfade.io.read import read
from unfade.io.verify import why_not_exact
from unfade.io.write import write
from unfade.photo import Metadata, Origin, Photo

RNG = np.random.default_rng(8)


def changed(dtype: type, samples: int) -> tuple[Photo, Photo]:
    """A photo, and what became of it: a square was filled, the rest is untouched."""
    if dtype == np.float32:
        array = RNG.random((30, 40, samples), np.float32)
    else:
        array = RNG.integers(0, np.iinfo(dtype).max, (30, 40, samples), dtype)
    before = Photo.from_array(array)
    pixels, origin = before.pixels.copy(), np.zeros(before.size, np.uint8)
    pixels[5:15, 10:30], origin[5:15, 10:30] = 0.5, Origin.FILLED
    return before, dataclasses.replace(before, pixels=pixels, origin=origin)


@pytest.mark.parametrize("samples", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [
        (".tif", np.uint8),
        (".tif", np.uint16),
        (".tif", np.float32),
        (".png", np.uint8),
        (".png", np.uint16),
    ],
)
def test_untouched_pixels_are_counted_after_reading_back(
    tmp_path: Path, suffix: str, dtype: type, samples: int
) -> None:
    before, after = changed(dtype, samples)
    assert write(after, tmp_path / f"a{suffix}", before=before) == 30 * 40 - 10 * 20


def test_where_nothing_can_be_proven_nothing_is_claimed(tmp_path: Path) -> None:
    before, after = changed(np.uint16, 3)
    assert write(after, tmp_path / "a.jpg", before=before) is None
    assert write(after, tmp_path / "a.tif", bits=8, before=before) is None
    assert write(after, tmp_path / "b.tif") is None
    assert "stores every pixel anew" in why_not_exact(Metadata(), "jpeg", 8, False)
    assert "8 bits" in why_not_exact(Metadata(), "tiff", 16, False)
    converted = Metadata(encoding={"converted": "CMYK to sRGB"})
    assert "converted on reading" in why_not_exact(converted, "tiff", 8, False)
    assert why_not_exact(Metadata(), "webp", 8, True) == ""


def test_an_untouched_pixel_that_was_stored_wrongly_keeps_the_file_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = changed(np.uint16, 3)
    (tmp_path / "a.tif").write_bytes(b"an earlier result")
    honest: Any = module.attach

    def spoil(image: Any, *rest: Any) -> Any:
        pixel = image.new_from_array(np.full((1, 1, 3), 7, np.uint16))
        return honest(image.insert(pixel, 3, 2).copy(interpretation="rgb16"), *rest)

    monkeypatch.setattr(module, "attach", spoil)
    with pytest.raises(WriteError, match=r"1 untouched pixels .* row 2, column 3"):
        write(after, tmp_path / "a.tif", before=before)
    assert (tmp_path / "a.tif").read_bytes() == b"an earlier result"
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    pixels = after.pixels.copy()
    after = dataclasses.replace(after, origin=np.ones_like(after.origin), pixels=pixels)
    assert write(after, tmp_path / "a.tif", before=before) == 0


def test_alpha_must_come_back_everywhere(tmp_path: Path) -> None:
    before, after = changed(np.uint8, 4)
    assert after.alpha is not None
    alpha = after.alpha.copy()
    alpha[8, 20] = 1 - alpha[8, 20]
    with pytest.raises(WriteError, match="row 8, column 20"):
        write(dataclasses.replace(after, alpha=alpha), tmp_path / "a.tif", before=before)


def test_a_lossless_webp_is_proven(tmp_path: Path) -> None:
    before, after = changed(np.uint8, 3)
    lossless = Metadata(format="webp", bits=8, encoding={"lossless": True})
    before, after = (dataclasses.replace(p, metadata=lossless) for p in (before, after))
    assert write(after, tmp_path / "a.webp", before=before) == 1000
    assert np.array_equal(read(tmp_path / "a.webp").to_array()[0], before.to_array()[0])
