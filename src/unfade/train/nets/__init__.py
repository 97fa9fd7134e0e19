"""The networks, apart from their training; one file per family."""

from .efficient import BLOCKS, WIDTHS, ResidualNet, SegmentationNet

__all__ = ["BLOCKS", "WIDTHS", "ResidualNet", "SegmentationNet"]
