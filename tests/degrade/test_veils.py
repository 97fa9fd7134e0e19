"""Tests of drawing veils by kind and of putting them into an aging."""

from __future__ import annotations

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.degrade import draw_aging
from unfade.degrade.damage import DAMAGE, VEILS, spared
from unfade.degrade.veils import SCANNED, draw_veil, under
from unfade.photo import Damage, Photo
from unfade.pipeline import run
from unfade.recipe import Recipe


@pytest.mark.parametrize("kind", VEILS)
def test_every_kind_is_drawn_and_shows_as_a_stain(kind: str) -> None:
    photo = Photo(np.full((240, 320, 3), 0.5, np.float32))
    seen = []
    for number in range(6):
        rng = np.random.default_rng(number)
        stage = draw_veil(rng, kind, photo.size, 0.9, 20.0)
        assert stage.name == kind
        seen.append(run(photo, Recipe("one", (stage,)), Darkroom()))
    marked = [p for p in seen if p.damage is not None and p.damage.any()]
    assert marked
    for found in marked:
        assert found.kinds is not None and (found.kinds == Damage.STAIN).any()


def test_a_veil_comes_after_the_picture_and_before_dust_and_scanner() -> None:
    for number in range(30):
        rng = np.random.default_rng(number)
        aging = draw_aging(rng, "old-photo-mixed", 0.9, size=(240, 320))
        veil = draw_veil(rng, "tape", (240, 320), 0.5, 20.0)
        names = [stage.name for stage in under((veil,), aging.stages)]
        assert [name for name in names if name in VEILS] == ["tape"]
        place = names.index("tape")
        assert not set(names[:place]) & {*DAMAGE, *SCANNED}
        others = [stage.name for stage in aging if stage.name not in VEILS]
        assert [name for name in names if name != "tape"] == others
        kept = under((veil,), spared(aging).stages)
        assert kept.index(veil) == next(
            (n for n, s in enumerate(spared(aging)) if s.name in SCANNED), len(kept) - 1
        )
