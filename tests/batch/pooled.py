"""Stages for tests with several processes; importable by name, so that jobs can be pickled."""

import dataclasses
import os
import signal
import time
from pathlib import Path
from typing import ClassVar

import numpy as np

from unfade.errors import ModelError
from unfade.photo import Edit, Origin
from unfade.recipe import Finding, Recipe
from unfade.settings import setting


@dataclasses.dataclass(frozen=True)
class Act:
    """Set a photo to grey, after doing what its name asks for.

    `log` is a file that gets a line per photo begun; `names` limits `deed` to these photos.
    """

    name: ClassVar[str] = "act"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.FILLED
    tone: float = setting(0.5, "grey", low=0, high=1)
    seconds: float = setting(0.0, "how long it takes", low=0, high=100)
    deed: str = setting("", "what happens")
    names: str = setting("", "to whom")
    log: str = setting("", "where it is written down")

    def look(self, photo, darkroom):
        return Finding(True, "will be grey")

    def __call__(self, photo, darkroom):
        name = Path(photo.metadata.source).name
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(f"{name}\n")
        if not self.names or name in self.names.split(","):
            DEEDS[self.deed](darkroom)
        time.sleep(self.seconds)
        pixels = np.full_like(photo.pixels, self.tone)
        return Edit(pixels=pixels, notes={"evidence": f"memory {darkroom.memory >> 20} MiB"})


def fail(darkroom):
    raise ModelError("weights are missing")


def die(darkroom):
    os.kill(os.getpid(), signal.SIGKILL)


def crash(darkroom):
    os.kill(os.getpid(), signal.SIGSEGV)


def sleep(darkroom):
    time.sleep(60)


def hunger(darkroom):
    if darkroom.memory > 600 << 20:
        raise MemoryError


def kernel(darkroom):
    if darkroom.memory > 600 << 20:
        die(darkroom)


DEEDS = {
    "": lambda darkroom: None,
    "fail": fail,
    "die": die,
    "crash": crash,
    "sleep": sleep,
    "hunger": hunger,
    "kernel": kernel,
}


def acting(**settings):
    """A recipe of one `Act`."""
    return Recipe("acting", (Act(**settings),))


class Silence:
    """Is told how it goes and says nothing."""

    def photo(self, name, lane=0):
        pass

    def tile(self, stage, done, total, lane=0):
        pass

    def finished(self, lane=0):
        pass
