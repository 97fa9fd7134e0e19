"""Aging: the ways a photograph suffers, and recipes drawn from them."""

from .artifacts import draw_damage
from .capture import AddGrain, AddNoise, Blur, CompressJpeg, LowerResolution
from .damage import AddArtifacts, AddCreases, AddLineScratches, AddStains, AddTears
from .draw import PRESETS, draw_aging
from .fading import FadeDyes, ToGrey

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
        AddArtifacts,
        AddLineScratches,
        AddStains,
        AddCreases,
        AddTears,
    )
}

__all__ = ["DEGRADATIONS", "PRESETS", "draw_aging", "draw_damage"]
