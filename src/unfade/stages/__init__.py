"""The stages of restoring, in their order; faces, colorize and upscale will come before grain."""

from .damage import DetectDamage
from .denoise import Denoise
from .fading import CorrectFading
from .grain import KeepGrain
from .inpaint import Inpaint
from .measure import MeasureGrain
from .negative import InvertNegative
from .veils import LiftVeils

STAGES: dict[str, type] = {
    stage.name: stage
    for stage in (
        InvertNegative,
        LiftVeils,
        DetectDamage,
        MeasureGrain,
        Inpaint,
        Denoise,
        CorrectFading,
        KeepGrain,
    )
}

__all__ = ["STAGES"]
