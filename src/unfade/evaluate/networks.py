"""A network of one's own as a method: alone where it restores in one stage, else in a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..color import in_color, luma
from ..darkroom import Darkroom
from ..errors import EvaluationError, ModelError
from ..models.model import Model
from ..models.zoo import Zoo
from ..photo import Pixels
from ..recipe import Recipe
from ..stages.damage import DetectDamage
from ..stages.inpaint import Inpaint
from .cases import Case, Question
from .cost import measured
from .methods import Answer, RunRecipe

ONE_STAGE = ("restore", "denoise", "deblur")
"""Tasks whose network answers with the change to the picture."""

IN_PLACE = ("damage", "inpaint")
"""Tasks whose network takes the place of ours in detecting and filling."""


class RunNetwork:
    """An ONNX network with its card, as `unfade export` writes them.

    One that restores, denoises or deblurs is asked for its change, and the sum is the answer. One
    that finds damage or fills it takes the place of ours in the two-stage recipe damage, inpaint.

    Args:
        path: The ONNX file; its card lies beside it. The name of both is that of the method.
    Raises:
        EvaluationError: The network is of a task that cannot be asked alone.
        ModelError: No card, one that does not fit the file, or no such file.
    """

    works: ClassVar[bool] = True

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ModelError(f"{path}: no such file; expected an ONNX network, its card beside it")
        self.path, self.card = Zoo(path.parent).find(path.stem)
        known = (*ONE_STAGE, *IN_PLACE)
        if self.card.task not in known:
            raise EvaluationError(
                f"{path} is a network for {self.card.task!r}, which cannot be asked alone; "
                f"expected one for {', '.join(known)}. `unfade models add` makes recipes use it"
            )
        if self.card.task in ONE_STAGE and self.card.inputs not in ((3,), (1,)):
            raise EvaluationError(
                f"{path} must take one picture of 3 or 1 channels, got {self.card.inputs}"
            )
        self._room: _Room | None = None

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def facts(self) -> dict[str, Any]:
        """What tables tell of it: task, parameters, checksum, and the command that trained it."""
        card = self.card
        return {
            "task": card.task,
            "parameters": card.parameters,
            "sha256": card.sha256,
            "command": card.command,
        }

    def fingerprint(self, case: Case) -> str:
        return f"network {self.card.to_toml()}"

    def __call__(self, question: Question, darkroom: Darkroom) -> Answer:
        if self.card.task in IN_PLACE:
            recipe = Recipe(self.name, (DetectDamage(), Inpaint(grain=0)))
            return RunRecipe(self.name, recipe)(question, self._room_in(darkroom))
        with measured() as cost:
            pixels = self.restored(question.given.pixels, darkroom)
        return Answer(pixels, cost)

    def restored(self, pixels: Pixels, darkroom: Darkroom) -> Pixels:
        """The picture and what a network of one stage adds, in [0, 1].

        Args:
            pixels: (H, W, 1 or 3) in [0, 1].
            darkroom: In whose engine the network runs.
        Returns:
            (H, W, C): one channel of a network that restores luma, else as many as the picture
            has; of a grey photo the mean of the three that the network gives.
        """
        room = self._room_in(darkroom)
        grey = self.card.inputs == (1,)
        seen: NDArray[np.float32] = luma(pixels)[:, :, None] if grey else in_color(pixels)
        answer = np.clip(seen + room.infer(room.own, seen), 0, 1)
        if pixels.shape[2] == 1 and not grey:
            answer = answer.mean(axis=2, keepdims=True)
        return np.asarray(answer, np.float32)

    def _room_in(self, darkroom: Darkroom) -> _Room:
        if self._room is None or self._room.outer is not darkroom:
            self._room = _Room(darkroom, Model(darkroom.engine.load(self.path), self.card))
        return self._room


class _Room(Darkroom):
    """A darkroom in which one network has the place of the one of its task."""

    def __init__(self, outer: Darkroom, own: Model) -> None:
        super().__init__(memory=outer.memory, zoo=outer.zoo)
        self.outer, self.own = outer, own
        self._engine, self._stop = outer.engine, outer._stop
        self._models = {own.card.task: own}
