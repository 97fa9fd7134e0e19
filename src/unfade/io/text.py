"""Words as pixels, in any script that the machine has letters for."""

from __future__ import annotations

from html import escape

import numpy as np
import pyvips
from numpy.typing import NDArray


def draw_text(words: str, dpi: int) -> NDArray[np.float32]:
    """Set one line of sans-serif text of 10 points.

    Args:
        words: The line; control characters become spaces.
        dpi: Pixels per inch: 100 gives letters of about 10 pixels.
    Returns:
        (H, W) in [0, 1], 1 is ink; (1, 1) of 0 where there is nothing to see.
    """
    line = "".join(letter if letter.isprintable() else " " for letter in words).strip()
    if not line:
        return np.zeros((1, 1), np.float32)
    # Words are set as Pango markup, where < and & mean something.
    image = pyvips.Image.text(escape(line, quote=False), font="sans 10", dpi=dpi)
    ink = image.numpy().reshape(image.height, image.width)
    return np.asarray(ink, np.float32) / np.float32(255)
