"""Aging: the ways a photograph suffers, and recipes drawn from them."""

from .artifacts import draw_damage
from .capture import AddGrain, AddNoise, Blur, CompressJpeg, LowerResolution
from .chemistry import AddChemistry
from .creases import AddCreases
from .draw import PRESETS, draw_aging
from .fading import FadeDyes, ToGrey
from .fingerprints import AddFingerprints
from .gate import AddGateHair
from .light import AddLightLeaks
from .lines import AddLineScratches
from .particles import AddParticles
from .patches import AddPatches
from .scanner import AddBanding, AddMoire
from .silver import AddSilverMirroring
from .stains import AddFoxing, AddStains
from .surface import AddHalftone, AddPaperTexture
from .tape import AddTape
from .tears import AddTears
from .textbook import AddSaltAndPepper, AddSpeckle, Digitize
from .tone import AddVignette, Expose
from .wear import AddAbrasion, AddFlaking, AddScratches
from .writing import AddWriting

DEGRADATIONS: dict[str, type] = {
    stage.name: stage
    for stage in (
        FadeDyes,
        ToGrey,
        Expose,
        AddVignette,
        AddGrain,
        AddNoise,
        Blur,
        LowerResolution,
        CompressJpeg,
        AddBanding,
        AddMoire,
        AddPaperTexture,
        AddHalftone,
        AddSpeckle,
        AddSaltAndPepper,
        Digitize,
        AddParticles,
        AddPatches,
        AddLineScratches,
        AddGateHair,
        AddLightLeaks,
        AddChemistry,
        AddStains,
        AddFoxing,
        AddSilverMirroring,
        AddFingerprints,
        AddAbrasion,
        AddScratches,
        AddFlaking,
        AddCreases,
        AddTears,
        AddWriting,
        AddTape,
    )
}

__all__ = ["DEGRADATIONS", "PRESETS", "draw_aging", "draw_damage"]
