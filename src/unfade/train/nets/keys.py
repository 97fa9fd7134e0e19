"""Names of tensors in other people's files, turned into ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from .unet import RECURRENCES

_UNIT = {"0": "conv", "1": "norm"}

_POPULAR: tuple[tuple[str, str], ...] = (
    (r"Conv(\d)\.conv\.(\d)\.(.*)", "encode.{up0}.{1}.{2}"),
    (r"RRCNN(\d)\.Conv_1x1\.(.*)", "encode.{up0}.first.{1}"),
    (r"RRCNN(\d)\.RCNN\.(\d)\.conv\.(\d)\.(.*)", "encode.{up0}.units.{1}.{unit2}.{3}"),
    (r"Up(\d)\.up\.(\d)\.(.*)", "grow.{down0}.{1}.{2}"),
    (r"Att(\d)\.W_g\.(.*)", "gate.{down0}.below.{1}"),
    (r"Att(\d)\.W_x\.(.*)", "gate.{down0}.skip.{1}"),
    (r"Att(\d)\.psi\.(.*)", "gate.{down0}.psi.{1}"),
    (r"Up_conv(\d)\.conv\.(\d)\.(.*)", "decode.{down0}.{1}.{2}"),
    (r"Up_RRCNN(\d)\.Conv_1x1\.(.*)", "decode.{down0}.first.{1}"),
    (r"Up_RRCNN(\d)\.RCNN\.(\d)\.conv\.(\d)\.(.*)", "decode.{down0}.units.{1}.{unit2}.{3}"),
    (r"Conv_1x1\.(.*)", "head.{0}"),
)
"""The popular U-Net files count levels from 1, and name a step up by the level it comes from."""


def from_popular(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors of a popular U-Net, Attention U-Net, R2U-Net or R2AttU-Net our names.

    The recurrent units of those files have one set of running statistics; ours have one for each
    evaluation, and all begin with the same. Names that are not of such a file are left alone.
    """
    named = {key: _rename(key) for key in state}
    return {
        ours: _for_each_step(ours, state[key])
        for key, ours in named.items()
        if not ours.endswith("norm.num_batches_tracked")
    }


def is_popular(state: Mapping[str, Tensor]) -> bool:
    """Whether a state dict is one of those files."""
    return "Conv_1x1.weight" in state and any(key.startswith("Up5.up.") for key in state)


def _rename(key: str) -> str:
    for pattern, ours in _POPULAR:
        if match := re.fullmatch(pattern, key):
            parts = match.groups()
            words = {}
            if parts[0].isdigit():
                words = {"up0": int(parts[0]) - 1, "down0": int(parts[0]) - 2}
            unit = _UNIT.get(parts[2], "") if len(parts) > 3 else ""
            return ours.format(*parts, unit2=unit, **words)
    return key


def _for_each_step(key: str, value: Tensor) -> Tensor:
    if re.search(r"\.units\.\d\.norm\.running_(mean|var)$", key):
        return value.expand(RECURRENCES + 1, -1).clone()
    return value
