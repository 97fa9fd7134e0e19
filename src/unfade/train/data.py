"""Where pictures come from: folders and tar files; decoded once, split by content, written down."""

from __future__ import annotations

import copy
import dataclasses
import functools
import hashlib
import tarfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import ReadError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}

Decoded = NDArray[np.uint8]
"""(H, W, 3) uint8, red first."""


@dataclasses.dataclass(frozen=True)
class Source:
    """One picture as it lies on disk, in a file of its own or inside a tar file.

    Attributes:
        path: The file, or the tar file.
        member: Name inside the tar file; empty for a file of its own.
        offset, size: Where the bytes of the member lie.
        film: Names the clip that the picture is a frame of; frames of a clip stay together.
    """

    path: Path
    member: str = ""
    offset: int = 0
    size: int = -1
    film: str = ""

    @property
    def name(self) -> str:
        """For people: the path, with the name inside the tar file."""
        return f"{self.path}:{self.member}" if self.member else str(self.path)

    @property
    def inner(self) -> Path:
        """The path that says what the picture is: inside the tar file, or the file's own."""
        return Path(self.member) if self.member else self.path

    def read(self) -> bytes:
        """The bytes of the file."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)

    @functools.cached_property
    def digest(self) -> bytes:
        """SHA-256 of the bytes, read once."""
        return hashlib.sha256(self.read()).digest()

    def decode(self, flags: int = cv2.IMREAD_COLOR_RGB) -> NDArray[np.uint8]:
        """The pixels: (H, W, 3) uint8, or as OpenCV's `flags` say.

        Raises:
            ReadError: Not a picture that OpenCV can decode.
        """
        data = np.frombuffer(self.read(), np.uint8)
        picture = cv2.imdecode(data, flags) if data.size else None
        if picture is None and data.size:
            picture = _decode_floats(data, flags)
        if picture is None:
            raise ReadError(f"{self.name} cannot be read as a picture; repair it or take it away")
        return np.asarray(picture, np.uint8)


def _decode_floats(data: NDArray[np.uint8], flags: int) -> NDArray[np.uint8] | None:
    """A TIFF of floats in [0, 1], which OpenCV does not bring to 8 bits itself; None if not one."""
    picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if picture is None or picture.dtype.kind != "f" or picture.shape[2:] not in ((), (1,), (3,)):
        return None
    codes = np.rint(np.nan_to_num(picture).clip(0, 1) * 255).astype(np.uint8)
    grey, wanted = codes.ndim == 2 or codes.shape[2] == 1, flags == cv2.IMREAD_GRAYSCALE
    if grey == wanted:
        return codes.squeeze() if grey else codes[:, :, ::-1]
    return np.asarray(cv2.cvtColor(codes, cv2.COLOR_GRAY2RGB if grey else cv2.COLOR_BGR2GRAY))


def find_photos(folder: Path) -> list[Path]:
    """List the pictures below a folder, sorted by path.

    Raises:
        ReadError: The folder holds none.
    """
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not found:
        raise ReadError(f"no pictures in {folder}; expected {', '.join(sorted(SUFFIXES))}")
    return found


def find_sources(place: Path) -> list[Source]:
    """List the pictures of a folder or a tar file; tar files in the folder are opened too.

    Raises:
        ReadError: There is no such place, no picture in it, or a tar file is damaged.
    """
    if place.is_dir():
        tars = sorted(place.rglob("*.tar"))
        files = [] if tars and not _has_photos(place) else find_photos(place)
        return [Source(path) for path in files] + [m for tar in tars for m in _members(tar)]
    if place.suffix.lower() == ".tar" and place.is_file():
        return _members(place)
    raise ReadError(f"{place} is neither a folder nor a tar file")


def find_frames(place: Path) -> list[Source]:
    """List the frames of films: a folder of frames, or a folder in a tar file, is one clip.

    Raises:
        ReadError: As `find_sources`.
    """
    return [
        dataclasses.replace(source, film=str(Path(source.name).parent))
        for source in find_sources(place)
    ]


def _has_photos(folder: Path) -> bool:
    return any(path.suffix.lower() in SUFFIXES for path in folder.rglob("*"))


def _members(path: Path) -> list[Source]:
    try:
        with tarfile.open(path, "r:") as tar:
            members = sorted((m for m in tar if m.isfile()), key=lambda m: m.name)
    except tarfile.TarError as error:
        raise ReadError(f"{path} cannot be read as a plain tar file: {error}") from error
    pictures = [m for m in members if Path(m.name).suffix.lower() in SUFFIXES]
    if not pictures:
        raise ReadError(f"no pictures in {path}; expected {', '.join(sorted(SUFFIXES))}")
    return [Source(path, m.name, m.offset_data, m.size) for m in pictures]


def held_out(path: Path) -> bool:
    """Whether a picture belongs to the few that are kept from training (1 in 32, by content)."""
    return _held(Source(path).digest)


def _held(digest: bytes) -> bool:
    return digest[0] % 32 == 0


def split(sources: Sequence[Source]) -> tuple[list[Source], list[Source]]:
    """Divide into those to learn from and those to check with, by content.

    One in 32 is kept for checking, and of few at least one in ten: those of the lowest checksum.
    What has the same content falls on the same side, whatever it is called, and so do all frames
    of a clip. A single picture has to do for both.
    """
    films = _films(sources)
    digests = {s: films.get(s.film) or s.digest for s in sources}
    kinds = sorted(set(digests.values()))
    kept = {d for d in kinds if _held(d)} if len(kinds) >= 64 else set()
    if not kept:
        kept = set(kinds[: min(len(kinds) - 1, max(1, len(kinds) // 10))])
    learn = [s for s in sources if digests[s] not in kept]
    check = [s for s in sources if digests[s] in kept]
    return learn, check or list(sources[:1])


def _films(sources: Sequence[Source]) -> dict[str, bytes]:
    """A checksum for each clip, of its frames' checksums."""
    frames: dict[str, list[bytes]] = {}
    for source in sources:
        if source.film:
            frames.setdefault(source.film, []).append(source.digest)
    return {name: hashlib.sha256(b"".join(sorted(d))).digest() for name, d in frames.items()}


def manifest(parts: dict[str, Sequence[Source]]) -> str:
    """What a run learned from and was checked with: one line per picture, as CSV."""
    lines = [
        f'{part},{source.digest.hex()},"{source.name}"'
        for part, sources in parts.items()
        for source in sources
    ]
    return "\n".join(["part,sha256,picture", *lines]) + "\n"


class Pictures(Sequence[Decoded]):
    """Decoded pictures, as many of them kept in memory as fit.

    Args:
        sources: What to decode; every one is tried at once, so that a run does not end at night
            over a broken file.
        cache_mb: Memory for decoded pictures; the others are decoded at each use.
        shrink: What is kept of a picture, if not all.
    Raises:
        ReadError: Some cannot be read; the message names them.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        cache_mb: int = 4000,
        shrink: Callable[[Decoded], Decoded] | None = None,
    ) -> None:
        self.sources, self.shrink = list(sources), shrink
        self._kept: dict[int, Decoded] = {}
        room, broken = cache_mb * 2**20, []
        for index in range(len(self.sources)):
            try:
                picture = self._decode(index)
            except ReadError:
                broken.append(self.sources[index].name)
                continue
            room -= picture.nbytes
            if room >= 0:
                self._kept[index] = picture
        refuse(broken, len(self.sources))

    def of(self, sources: Sequence[Source]) -> Pictures:
        """Some of the pictures, in this order; nothing is decoded again."""
        places = {source: place for place, source in enumerate(self.sources)}
        part = copy.copy(self)
        part.sources = list(sources)
        kept = ((place, self._kept.get(places[s])) for place, s in enumerate(sources))
        part._kept = {place: picture for place, picture in kept if picture is not None}
        return part

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: int) -> Decoded:  # type: ignore[override]
        kept = self._kept.get(index)
        return self._decode(index) if kept is None else kept

    def _decode(self, index: int) -> Decoded:
        picture = self.sources[index].decode()
        return self.shrink(picture) if self.shrink else picture


def refuse(broken: Sequence[str], count: int) -> None:
    """Complain about pictures that cannot be read.

    Raises:
        ReadError: There are any.
    """
    if broken:
        shown = ", ".join(broken[:3]) + (", ..." if len(broken) > 3 else "")
        raise ReadError(
            f"{len(broken)} of {count} pictures cannot be read: {shown}; repair them or take "
            "them away"
        )


def gather(places: Iterable[str], find: Callable[[Path], list[Source]]) -> list[Source]:
    """What `find` finds in all places, in their order."""
    return [source for place in places for source in find(Path(place))]
