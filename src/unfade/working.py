"""The working space: stages see sRGB-encoded values, whatever the file's own numbers mean.

Networks are trained on sRGB, and what is measured (noise, fading, tone) is measured in it. A photo
is brought there once before its stages and what they changed is brought back once after them, so
that the same picture stored as sRGB, Adobe RGB, ProPhoto or linear is restored alike, and a pixel
that no stage changed keeps the file's very number.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from .darkroom import Darkroom
from .photo import Origin, Photo
from .profile import Profile, carry_change, from_srgb, to_srgb


def enter_srgb(photo: Photo, darkroom: Darkroom) -> Photo:
    """Bring a photo to sRGB-encoded values within [0, 1].

    Returns:
        A photo whose `metadata.profile` is None; the photo itself where it is sRGB already.
    """
    profile = photo.metadata.profile
    if profile is None:
        return photo
    pixels = darkroom.empty(photo.pixels.shape)

    def strip(rows: slice) -> None:
        np.clip(to_srgb(photo.pixels[rows], profile), 0, 1, out=pixels[rows])

    darkroom.strips(strip, photo.size)
    metadata = dataclasses.replace(photo.metadata, profile=None)
    infrared = _infrared_as_srgb(photo, profile, darkroom)
    return dataclasses.replace(photo, pixels=pixels, infrared=infrared, metadata=metadata)


def leave_srgb(photo: Photo, worked: Photo, darkroom: Darkroom) -> Photo:
    """Bring what was worked out in sRGB back to the numbers of the photo it came from.

    Args:
        photo: As it was before `enter_srgb`.
        worked: What became of it there.
        darkroom: Makes the full-size array.
    Returns:
        The worked photo in the encoding of the first. Where it became a color photo and the
        profile is for grey, it stays sRGB.
    """
    profile = photo.metadata.profile
    if worked.infrared is not photo.infrared and worked.size == photo.size:
        worked = dataclasses.replace(worked, infrared=photo.infrared)
    if profile is None or worked.pixels.shape[2] != profile.channels:
        return worked
    pixels = darkroom.empty(worked.pixels.shape)
    own, after, origin = photo.pixels, worked.pixels, worked.origin
    same_size = own.shape == after.shape

    def strip(rows: slice) -> None:
        if same_size:
            before = np.clip(to_srgb(own[rows], profile), 0, 1)
            anew = None if origin is None else origin[rows] >= Origin.FILLED
            pixels[rows] = carry_change(own[rows], before, after[rows], profile, anew)
        else:
            np.clip(from_srgb(after[rows], profile), 0, 1, out=pixels[rows])

    darkroom.strips(strip, worked.size)
    metadata = dataclasses.replace(worked.metadata, profile=profile)
    return dataclasses.replace(worked, pixels=pixels, metadata=metadata)


def _infrared_as_srgb(
    photo: Photo, profile: Profile, darkroom: Darkroom
) -> NDArray[np.float32] | None:
    """The infrared plane, which scanners store with the tone curve of the colors, as sRGB grey."""
    stored = photo.infrared
    if stored is None:
        return None
    grey, infrared = Profile(profile.name, profile.curves[:1]), darkroom.empty(photo.size)

    def strip(rows: slice) -> None:
        encoded = to_srgb(stored[rows][:, :, None], grey)[:, :, 0]
        np.clip(encoded, 0, 1, out=infrared[rows])

    darkroom.strips(strip, photo.size)
    return infrared
