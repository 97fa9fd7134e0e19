"""`Model`: a network with the photographic contract; padding and axes are handled inside."""

from __future__ import annotations

import threading

import cv2
import numpy as np
from numpy.typing import NDArray

from ..engines import Network
from ..errors import ModelError
from ..tiling import round_up
from .card import ModelCard


class Model:
    """A network called like a function on pictures.

    Args:
        network: Takes and gives (N, C, H, W) float32 arrays.
        card: Its facts.
    """

    def __init__(self, network: Network, card: ModelCard) -> None:
        self.network = network
        self.card = card
        # A network takes all cores, and its memory is meant to be needed once.
        self._busy = threading.Lock()

    def __call__(self, *arrays: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network on one picture or tile.

        Args:
            arrays: One (H, W, C) or (H, W) float32 array per input of the card, equal H and W.
        Returns:
            (H * scale, W * scale, channels_out) float32, not clipped; for a network that answers
            with numbers instead of a picture, whatever shape it gives, without the batch axis.
        Raises:
            ModelError: The arrays do not fit the card's inputs.
        """
        answer = self.planes(*arrays)
        if answer.ndim != 3:
            return answer
        return np.asarray(cv2.merge(list(answer)), np.float32).reshape(*answer.shape[1:], -1)

    def planes(self, *arrays: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same with channels first, as the network gives them: (channels_out, H, W), a view.

        Turning many channels of a tile around takes longer than reading one of them.
        """
        planes = [to_planes(array, self.card.multiple_of) for array in arrays]
        channels = tuple(plane.shape[1] for plane in planes)
        if channels != self.card.inputs:
            raise ModelError(
                f"{self.card.name} takes inputs of {self.card.inputs} channels, got {channels}"
            )
        answer = self._run(*planes)[0]
        if answer.ndim != 3:
            return answer
        height, width = arrays[0].shape[:2]
        return answer[:, : height * self.card.scale, : width * self.card.scale]

    def each(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run a network that answers with numbers on many small pictures at once.

        Args:
            planes: (N, C, H, W) float32, of the channels and size that the network takes.
        Returns:
            (N, numbers) float32.
        Raises:
            ModelError: The pictures do not fit the card's inputs.
        """
        if self.card.inputs != planes.shape[1:2]:
            raise ModelError(
                f"{self.card.name} takes inputs of {self.card.inputs} channels, "
                f"got {planes.shape[1:2]}"
            )
        return self._run(planes)

    def _run(self, *planes: NDArray[np.float32]) -> NDArray[np.float32]:
        with self._busy:
            return self.network(*planes)


def to_planes(array: NDArray[np.float32], multiple_of: int = 1) -> NDArray[np.float32]:
    """Turn (H, W, C) or (H, W) into (1, C, H', W'), padded right and below by repeating the edge.

    Repeating the edge (and not mirroring) works for every size, also below the padding.
    """
    height, width = array.shape[:2]
    below = round_up(height, multiple_of) - height
    right = round_up(width, multiple_of) - width
    if below or right:
        padded = cv2.copyMakeBorder(array, 0, below, 0, right, cv2.BORDER_REPLICATE)
        array = np.asarray(padded, np.float32)
    if array.ndim == 2:
        array = array[:, :, None]
    return np.ascontiguousarray(array.transpose(2, 0, 1)[None], np.float32)
