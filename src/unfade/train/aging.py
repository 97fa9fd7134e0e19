"""What photos to learn from have been through: any of the lives that `unfade age` knows."""

from __future__ import annotations

import numpy as np

from ..degrade import draw_aging
from ..recipe import Recipe

AGINGS = ("old-photo-mixed", "film-35mm", "slide", "print-bw", "print-color")
OFTEN = (0.4, 0.3, 0.1, 0.1, 0.1)


def draw_any_aging(
    rng: np.random.Generator, size: tuple[int, int], library: str = "", part: str = "all"
) -> Recipe:
    """Draw an aging of any of `AGINGS`, of any severity; arguments as of `degrade.draw_aging`."""
    preset = str(rng.choice(AGINGS, p=OFTEN))
    severity = float(rng.uniform(0.1, 0.9))
    return draw_aging(rng, preset, severity, size=size, library=library, part=part)
