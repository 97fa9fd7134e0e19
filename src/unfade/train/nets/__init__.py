"""The networks, apart from their training; one file per family, `NETS` by task and name."""

from .efficient import BLOCKS, WIDTHS, ResidualNet, SegmentationNet
from .photo import PhotoUNet
from .registry import NETS, make_net
from .restormer import Restormer
from .unet import UNet
from .verify import VerifyNet

__all__ = [
    "BLOCKS",
    "NETS",
    "WIDTHS",
    "PhotoUNet",
    "ResidualNet",
    "Restormer",
    "SegmentationNet",
    "UNet",
    "VerifyNet",
    "make_net",
]
