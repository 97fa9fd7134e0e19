"""Aging: the ways a photograph suffers, and recipes drawn from them."""

from .artifacts import draw_damage
from .capture import AddGrain, AddNoise, Blur, CompressJpeg, LowerResolution
from .damage import AddCreases, AddLineScratches, AddStains, AddTears
from .draw import PRESETS, draw_aging
from .fading import FadeDyes, ToGrey
from .particles import AddParticles
from .patches import AddPatches

DEGRADATIONS: dict[str, type] = {
    stage.name: stage
    for stage in (
        FadeDyes,
        ToGrey,
        AddGrain,
        AddNoise,
        Blur,
        LowerResolution,
        CompressJpeg,
        AddParticles,
        AddPatches,
        AddLineScratches,
        AddStains,
        AddCreases,
        AddTears,
    )
}

__all__ = ["DEGRADATIONS", "PRESETS", "draw_aging", "draw_damage"]
