"""The papers of an output, written while it is still under its temporary name.

The photo takes its final name last: whoever sees it can rely on its sidecar being there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from ..models.zoo import checksum
from ..photo import Photo
from .credentials import Certificate, sign
from .deed import Deed, file_facts
from .premis import premis_path, premis_xml
from .record import Output, sidecar_dict, sidecar_path, to_json
from .sidecar import write_text


@dataclasses.dataclass(frozen=True)
class Papers:
    """What is written about an output, beside it and into it.

    Attributes:
        sidecar: Write `NAME.EXT.unfade.json`.
        premis: Write `NAME.EXT.premis.xml`.
        certificate: PEM file of a C2PA signing certificate with its chain; empty signs nothing.
        key: PEM file of its private key.
        album: Folder of the album that gets pictures of the photo; empty makes none.
        when: The time to state, in ISO 8601 with offset; empty asks the clock.
        chosen: Why the recipe was chosen, where that is known from before.
    """

    sidecar: bool = False
    premis: bool = False
    certificate: str = ""
    key: str = ""
    album: str = ""
    when: str = ""
    chosen: str = ""

    def __post_init__(self) -> None:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("to sign, a certificate and its key are needed; only one was given")


def finisher(
    photo: Photo,
    deed: Deed,
    papers: Papers,
    output: Output,
    written: list[Path],
    place: Path | None = None,
    replace: bool = True,
) -> Callable[[Path], None]:
    """Make what `io.write` calls with the finished file before it gets its name.

    Args:
        photo: As it came out of `run`.
        deed: What was done.
        papers: What is wanted.
        output: What is known of the file beforehand; its facts are found here.
        written: The other files written so far; the papers are added.
        place: Beside what the papers are put; by default the output.
        replace: Whether papers may take the place of files that are there.
    Returns:
        A function that signs the file in place and writes the papers. It raises `WriteError`,
        and `SigningError` where certificate or key do not do.
    """
    place = output.path if place is None else place

    def finish(temporary: Path) -> None:
        others = tuple(written)
        told = output
        if papers.certificate:
            told = dataclasses.replace(told, before_signing=checksum(temporary))
            sign(temporary, told, photo, deed, Certificate(papers.certificate, papers.key))
        told = dataclasses.replace(told, facts=file_facts(temporary))
        if papers.sidecar:
            path, text = sidecar_path(place), to_json(sidecar_dict(photo, deed, told, others))
            write_text(path, text, replace)
            written.append(path)
        if papers.premis:
            path = premis_path(place)
            write_text(path, premis_xml(photo, deed, told), replace)
            written.append(path)

    return finish
