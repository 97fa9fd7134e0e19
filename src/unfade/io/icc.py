"""ICC profiles: read matrix and grey profiles into a `Profile`, and write one.

Layout of header, tag table and curve types after ICC.1:2022 (the same in version 2 where it is
used here). Profiles of tables (`A2B0` alone) are not read; libvips converts pictures with them.
"""

from __future__ import annotations

import struct

import numpy as np

from ..profile import Curve, Profile, is_srgb, to_srgb

HEADER = 128
SPACES = {b"GRAY": 1, b"RGB ": 3}
D50 = (0.9642, 1.0, 0.8249)
_MAX_TAGS = 200
_FARTHEST = 10.0
_RGB_TAGS = ("rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC")
_PARAMETERS = (1, 3, 4, 5, 7)
"""Number of parameters of a `para` curve by its type, 0 to 4; ICC.1, table 68."""


class ProfileError(ValueError):
    """A profile that is damaged, or is made of tables alone."""


def read_profile(block: bytes, channels: int) -> Profile | None:
    """Read a matrix or grey profile.

    Args:
        block: The ICC profile as embedded.
        channels: 1 or 3, of the picture.
    Returns:
        The profile, or None where it is sRGB or for another number of channels than the picture
        has (then it says nothing about it).
    Raises:
        ProfileError: It is damaged, or has only tables (`A2B0`).
    """
    tags = _tags(block)
    if SPACES.get(block[16:20]) != channels:
        return None
    lab = block[20:24] == b"Lab "
    try:
        profile = _grey(tags, lab) if channels == 1 else _color(tags)
    except (struct.error, ValueError) as error:
        raise ProfileError(f"the profile is damaged: {error}") from error
    ends = np.repeat(np.linspace(0, 1, 9, dtype=np.float32).reshape(-1, 1, 1), channels, axis=2)
    if not (np.abs(to_srgb(ends, profile)) < _FARTHEST).all():
        raise ProfileError("the profile is damaged: it leads out of all colors")
    return None if is_srgb(profile) else profile


def needs_tables(block: bytes) -> bool:
    """Whether a profile for RGB is whole but has no curves and primaries, so tables must do."""
    try:
        tags = _tags(block)
    except ProfileError:
        return False
    return block[16:20] == b"RGB " and "A2B0" in tags and any(n not in tags for n in _RGB_TAGS)


def _tags(block: bytes) -> dict[str, bytes]:
    if len(block) < HEADER + 4 or block[36:40] != b"acsp":
        raise ProfileError("the profile is damaged: it does not begin as ICC profiles do")
    (count,) = struct.unpack_from(">I", block, HEADER)
    if count > _MAX_TAGS or len(block) < HEADER + 4 + 12 * count:
        raise ProfileError(f"the profile is damaged: a table of {count} tags does not fit it")
    tags = {}
    for index in range(count):
        name, at, size = struct.unpack_from(">4sII", block, HEADER + 4 + 12 * index)
        if at + size > len(block):
            raise ProfileError(f"the profile is damaged: tag {name!r} lies outside it")
        tags[name.decode("latin-1")] = block[at : at + size]
    return tags


def _color(tags: dict[str, bytes]) -> Profile:
    missing = [name for name in _RGB_TAGS if name not in tags]
    if missing:
        raise ProfileError(f"the profile has no {missing[0]}, and tables are not read here")
    columns = [struct.unpack_from(">3i", tags[name], 8) for name in _RGB_TAGS[:3]]
    rows = np.asarray(columns, np.float64).T / 65536
    primaries = tuple((float(r), float(g), float(b)) for r, g, b in rows)
    return Profile(_name(tags), tuple(_curve(tags[n]) for n in _RGB_TAGS[3:]), primaries)


def _grey(tags: dict[str, bytes], lab: bool) -> Profile:
    if "kTRC" not in tags:
        raise ProfileError("the grey profile has no curve")
    curve = _curve(tags["kTRC"])
    return Profile(_name(tags), (_from_lightness(curve) if lab else curve,))


def _from_lightness(curve: Curve) -> Curve:
    """Where the profile connects through CIE Lab, its curve gives L*/100 instead of Y."""
    lightness = 100 * curve.decode(np.linspace(0, 1, 4096, dtype=np.float32)).astype(np.float64)
    root = (lightness + 16) / 116
    light = np.where(root > 6 / 29, root**3, 3 * (6 / 29) ** 2 * (root - 4 / 29))
    return Curve(table=tuple(light.tolist()))


def _curve(tag: bytes) -> Curve:
    kind = tag[:4]
    if kind == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return Curve()
        if count == 1:
            return Curve(gamma=struct.unpack_from(">H", tag, 12)[0] / 256)
        samples = np.frombuffer(tag, ">u2", count, 12) / 65535
        return Curve(table=tuple(samples.tolist()))
    if kind == b"para":
        (form,) = struct.unpack_from(">H", tag, 8)
        if form >= len(_PARAMETERS):
            raise ValueError(f"an unknown kind of curve, {form}")
        numbers = [n / 65536 for n in struct.unpack_from(f">{_PARAMETERS[form]}i", tag, 12)]
        return _parametric(form, numbers)
    raise ValueError(f"an unknown kind of curve, {kind!r}")


def _parametric(form: int, p: list[float]) -> Curve:
    """ICC.1, table 68, in the terms of type 4: y = (a x + b)^g + e, or c x + f below d."""
    if form == 0:
        return Curve(p[0])
    if form in (1, 2):
        offset = p[3] if form == 2 else 0.0
        if p[2] == 0 and offset == 0:
            return Curve(p[0], p[1])
        return Curve(p[0], p[1], p[2], 0.0, -p[2] / p[1], offset, offset)
    if form == 3:
        return Curve(p[0], p[1], p[2], p[3], p[4])
    gamma, a, b, c, d, e, f = p
    return Curve(gamma, a, b, c, d, e, f)


def _name(tags: dict[str, bytes]) -> str:
    tag = tags.get("desc", b"")
    if tag[:4] == b"desc" and len(tag) >= 12:
        (length,) = struct.unpack_from(">I", tag, 8)
        return tag[12 : 12 + length].rstrip(b"\0").decode("latin-1")
    if tag[:4] == b"mluc" and len(tag) >= 28:
        length, at = struct.unpack_from(">II", tag, 20)
        return tag[at : at + length].decode("utf-16-be", "replace")
    return ""


def write_profile(profile: Profile) -> bytes:
    """Write a matrix or grey profile of ICC version 2.4, for displays, white point D50.

    A curve with a straight part is written as 4096 samples.
    """
    grey = profile.channels == 1
    tags = {
        "desc": _description(profile.name),
        "cprt": b"text\0\0\0\0No copyright, use freely\0",
        "wtpt": _xyz(D50),
    }
    for name, curve in zip(["kTRC"] if grey else _RGB_TAGS[3:], profile.curves, strict=True):
        tags[name] = _curve_tag(curve)
    for name, column in zip(_RGB_TAGS[:3], zip(*profile.primaries, strict=True), strict=False):
        tags[name] = _xyz(column)
    table, data = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        data += b"\0" * (-len(data) % 4)
        at = HEADER + 4 + 12 * len(tags) + len(data)
        table += struct.pack(">4sII", name.encode(), at, len(tag))
        data += tag
    head = struct.pack(
        ">I4sI4s4s4s12x4s4xI4xI8xI3i48x",
        HEADER + len(table) + len(data), b"\0\0\0\0", 0x02400000, b"mntr",
        b"GRAY" if grey else b"RGB ", b"XYZ ", b"acsp", 0, 0, 0, *_fixed(D50),
    )  # fmt: skip
    return head + table + data


def _fixed(values: tuple[float, ...]) -> list[int]:
    return [round(value * 65536) for value in values]


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *_fixed(values))


def _description(name: str) -> bytes:
    text = name.encode("ascii", "replace") + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)


def _curve_tag(curve: Curve) -> bytes:
    if curve == Curve(curve.gamma):
        if curve.gamma == 1:
            return b"curv\0\0\0\0" + struct.pack(">I", 0)
        return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(curve.gamma * 256))
    size = len(curve.table) or 4096
    light = curve.decode(np.linspace(0, 1, size, dtype=np.float32))
    samples = np.rint(np.clip(light, 0, 1) * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", size) + samples.tobytes()
