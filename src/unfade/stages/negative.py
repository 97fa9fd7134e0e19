"""`InvertNegative`: turn the scan of a negative into the picture. Only when asked for."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ..darkroom import Darkroom
from ..film.negative import (
    WHITES,
    Negative,
    frame_white,
    invert_negative,
    looks_negative,
    measure_negative,
)
from ..photo import Edit, Origin, Photo, Pixels
from ..recipe import Finding
from ..settings import check_settings, setting

PROXY = 512


@dataclasses.dataclass(frozen=True)
class InvertNegative:
    """Turn a negative around, first in a recipe; in no preset, since it cannot be guessed safely.

    Base, contrast and white are measured on the frame, or given: one number, or one per channel.
    A roll gives all its frames the same (`roll.measure_roll`).
    """

    name: ClassVar[str] = "negative"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.TONE

    base: tuple[float, ...] = setting(
        (), "density of the clear film in each channel; empty measures it", low=0, high=4
    )
    contrast: tuple[float, ...] = setting(
        (), "density per log exposure (gamma) in each channel; empty measures it", low=0.02, high=5
    )
    white: tuple[float, ...] = setting(
        (),
        "log exposure of white in each channel; empty measures it",
        low=WHITES[0],
        high=WHITES[1],
    )
    expose: bool = setting(
        True, "where white is given, brightness still follows the frame; the balance does not"
    )

    def __post_init__(self) -> None:
        check_settings(self)
        for name in ("base", "contrast", "white"):
            if len(getattr(self, name)) not in (0, 1, 3):
                raise ValueError(
                    f"negative.{name} takes no number, 1 or 3, got {len(getattr(self, name))}"
                )

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        seen = looks_negative(photo.proxy(PROXY))
        return Finding(True, f"inverted as asked, {seen or 'without an orange base'}")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        finding = self.look(photo, darkroom)
        film = self.film(photo.proxy(PROXY))
        pixels = darkroom.map(
            lambda tile, piece: invert_negative(piece, film),
            photo.pixels,
            out=darkroom.empty(photo.pixels.shape),
        )
        notes = {
            "evidence": finding.evidence,
            "base": film.base,
            "contrast": film.contrast,
            "white": film.white,
        }
        return Edit(pixels=pixels, notes=notes)

    def film(self, frame: Pixels) -> Negative:
        """The film as given, and measured on a small copy of the frame where it is not."""
        measured = measure_negative([frame])
        given = {
            name: value * (frame.shape[2] if len(value) == 1 else 1)
            for name in ("base", "contrast", "white")
            if (value := getattr(self, name))
        }
        for name, value in given.items():
            if len(value) != frame.shape[2]:
                raise ValueError(
                    f"negative.{name} must have {frame.shape[2]} numbers for this photo, "
                    f"got {len(value)}"
                )
        film = dataclasses.replace(measured, **given)
        if not given:
            return film
        white = frame_white(frame, film)
        if "white" not in given:
            return dataclasses.replace(film, white=white)
        return film.exposed(white) if self.expose else film
