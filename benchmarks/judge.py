"""Let a person judge marks on old photos: pages to look at, then a file of verdicts.

    python benchmarks/judge.py show PHOTOS... -o PAGES [--most 360] [--all NAME...]
    python benchmarks/judge.py show PHOTOS... -o PAGES --suspected 0.25 --of VERDICTS.json
    python benchmarks/judge.py keep PAGES --damage "6 34-36" --unsure "0 14" -o VERDICTS.json
    python benchmarks/judge.py add MARKS.txt --without "3 8-9" -o VERDICTS.json

`show` draws the marks that the networks are surest of, all photos together, and of photos named
with `--all` every mark; with `--suspected` those that the damage network suspects from that
probability on and does not propose; with `--of` only on the photos of a file of verdicts. `keep`
takes the numbers of those that are damage and of those that nobody can tell; the others are detail
of the picture. A file that is there already is added to, and a mark that is judged again is what
was said last. `add` puts damage that a person drew on
whole photos into a file that knows them, one mark in a line, without those of some numbers:

    old_00057 chip box LEFT TOP RIGHT BOTTOM        (frames of a film: FOLDER-NAME)
    old_00057 scratch line WIDTH X1 Y1 X2 Y2 ...
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unfade.darkroom import Darkroom
from unfade.models.zoo import Zoo
from unfade.photo import Photo
from unfade.stages.damage import DetectDamage, find_damage
from unfade.stages.marks import CANDIDATE, candidates, log_odds
from unfade.train.calibrate import asked
from unfade.train.data import Source, find_sources, gather
from unfade.train.drawn import SLACK_PX, Drawn

COLUMNS, ROWS, CELL, LINE = 6, 5, 240, 16
AROUND_PX = 96
"""Side of what is shown around a mark, more around one that is larger."""

SAME = 0.25
"""Overlap of two regions over their union, from which a person drew what was known before."""

FEW = 1.0
"""Marks that are damage, those nobody can tell counting half, from which the rest is unsure."""

VERDICTS = ("damage", "detail", "unsure")

Picture = NDArray[np.uint8]
Mark = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    does = parser.add_subparsers(dest="does", required=True)
    show = does.add_parser("show")
    show.add_argument("photos", nargs="+", help="folders or tar files")
    show.add_argument("--most", type=int, default=360, help="marks to show, the surest first")
    show.add_argument("--models", type=Path, help="folder of networks in the place of ours")
    show.add_argument("--suspected", type=float, default=0.0, help="least probability")
    show.add_argument("--of", type=Path, help="a file of verdicts")
    show.add_argument("--all", nargs="*", default=[], help="photos of which to show every mark")
    keep = does.add_parser("keep")
    keep.add_argument("pages", type=Path)
    keep.add_argument("--damage", default="")
    keep.add_argument("--unsure", default="")
    add = does.add_parser("add")
    add.add_argument("marks", type=Path)
    add.add_argument("--slack", type=int, default=SLACK_PX, help="how many pixels they may be off")
    add.add_argument("--without", default="", help="numbers of marks, from 0")
    for each in (show, keep, add):
        each.add_argument("-o", "--out", type=Path, required=True)
    args = parser.parse_args()
    if args.does == "show":
        room = Darkroom(zoo=Zoo(args.models) if args.models else Zoo())
        photos = gather(args.photos, find_sources)
        if args.of:
            known = {photo["sha256"] for photo in json.loads(args.of.read_text())["photos"]}
            photos = [photo for photo in photos if photo.digest.hex() in known]
        draw(photos, room, args.out, args.most, args.all, args.suspected)
    elif args.does == "add":
        put_drawn(args.marks, args.slack, numbers(args.without), args.out)
    else:
        collect(args.pages, numbers(args.damage), numbers(args.unsure), args.out)


def draw(
    photos: Sequence[Source],
    room: Darkroom,
    out: Path,
    most: int,
    whole: Sequence[str],
    least: float,
) -> None:
    """Write pages of marks, and `marks.json` that says what they are."""
    look = proposed if least == 0 else functools.partial(suspected, least=least)
    marks = [mark for photo in photos for mark in look(photo, room)]
    named = [mark for mark in marks if Path(mark["file"]).name in whole]
    others = [mark for mark in marks if Path(mark["file"]).name not in whole]
    others.sort(key=lambda mark: -mark["odds"])
    shown = sorted(named + others[:most], key=lambda mark: mark["file"])
    out.mkdir(parents=True, exist_ok=True)
    seen = sorted({(mark["sha256"], mark["file"]) for mark in shown})
    (out / "marks.json").write_text(json.dumps({"photos": seen, "marks": shown}))
    pictures = {photo.digest.hex(): photo for photo in photos}
    for first in range(0, len(shown), COLUMNS * ROWS):
        cells = [
            cell(pictures[mark["sha256"]].decode(), mark, number)
            for number, mark in enumerate(shown[first : first + COLUMNS * ROWS], first)
        ]
        cells += [np.zeros_like(cells[0])] * (COLUMNS * ROWS - len(cells))
        rows = [np.hstack(cells[row * COLUMNS :][:COLUMNS]) for row in range(ROWS)]
        name = out / f"{first // (COLUMNS * ROWS):02d}.png"
        cv2.imwrite(str(name), np.vstack(rows)[:, :, ::-1])
    print(f"{len(shown)} marks on pages in {out}")


def proposed(photo: Source, room: Darkroom) -> Iterable[Mark]:
    """The marks of a photo as the networks see them."""
    odds, seen, large = asked(opened(photo), room)
    return marks_of(photo, seen.boxes[large], odds[:, 0])


def suspected(photo: Source, room: Darkroom, least: float) -> Iterable[Mark]:
    """The marks that the damage network suspects, but not enough to propose them."""
    seen = candidates(find_damage(opened(photo), room)[0], room, least)
    faint = seen.of_size(DetectDamage().min_area_px) & (seen.peaks < CANDIDATE)
    return marks_of(photo, seen.boxes[faint], log_odds(seen.peaks[faint]))


def opened(photo: Source) -> Photo:
    """A photo as the stages take it."""
    return Photo(np.asarray(photo.decode() / np.float32(255), np.float32))


def marks_of(photo: Source, boxes: NDArray[np.int64], odds: NDArray[np.float64]) -> Iterable[Mark]:
    """What is kept of marks, by their boxes (n, 4) and log odds (n,)."""
    for box, said in zip(boxes.tolist(), odds.tolist(), strict=True):
        yield {"sha256": photo.digest.hex(), "file": photo.name, "box": box, "odds": round(said, 2)}


def cell(picture: Picture, mark: Mark, number: int) -> Picture:
    """A mark in its surroundings, between four corners, and its number above: (256, 240, 3)."""
    left, top, right, bottom = mark["box"]
    side = max(AROUND_PX, int(max(right - left, bottom - top) * 1.5))
    edge = cv2.BORDER_CONSTANT
    wide = cv2.copyMakeBorder(picture, side, side, side, side, edge, value=(60, 0, 60))
    y, x = (top + bottom - side) // 2, (left + right - side) // 2
    around = wide[y + side : y + 2 * side, x + side : x + 2 * side]
    shown = np.ascontiguousarray(cv2.resize(around, (CELL, CELL), interpolation=cv2.INTER_CUBIC))
    scale = CELL / side
    edges = [round((v - o) * scale) for v, o in zip(mark["box"], (x, y, x, y), strict=True)]
    for across, step_x in ((edges[0] - 4, 8), (edges[2] + 4, -8)):
        for down, step_y in ((edges[1] - 4, 8), (edges[3] + 4, -8)):
            cv2.line(shown, (across, down), (across + step_x, down), (255, 0, 0), 1)
            cv2.line(shown, (across, down), (across, down + step_y), (255, 0, 0), 1)
    above = np.zeros((LINE, CELL, 3), np.uint8)
    said = f"{number} {Path(mark['file']).stem} {mark['odds']:.1f}"
    cv2.putText(above, said, (2, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 0), 1)
    return np.vstack([above, shown])


def numbers(text: str) -> set[int]:
    """Read `6 34-36` as 6, 34, 35 and 36."""
    ranges = (part.partition("-") for part in text.split())
    return {n for low, _, high in ranges for n in range(int(low), int(high or low) + 1)}


def collect(pages: Path, damage: set[int], unsure: set[int], out: Path) -> None:
    """Write or add to a file of verdicts, as `unfade.train.judged` reads it."""
    record = json.loads((pages / "marks.json").read_text())
    if wrong := (damage & unsure) | {n for n in damage | unsure if n >= len(record["marks"])}:
        raise SystemExit(f"not on the pages, or both damage and unsure: {sorted(wrong)}")
    known = json.loads(out.read_text())["photos"] if out.exists() else []
    photos = {photo["sha256"]: photo for photo in known}
    for digest, file in record["photos"]:
        photos.setdefault(digest, {"sha256": digest, "file": file})
    for number, mark in enumerate(record["marks"]):
        verdict = "damage" if number in damage else "unsure" if number in unsure else "detail"
        say(photos[mark["sha256"]], mark["box"], verdict)
    for photo in photos.values():
        photo["rest"] = rest_of(photo)
    save(list(photos.values()), out)


def say(photo: dict[str, Any], box: list[int], verdict: str) -> None:
    """Put down what a mark of a photo is; what was said of it before goes."""
    for other in VERDICTS:
        if box in photo.get(other, ()):
            photo[other].remove(box)
    photo.setdefault(verdict, []).append(box)


def rest_of(photo: dict[str, Any]) -> str:
    """What the marks of a photo are that nobody was shown: `detail`, or `unsure`.

    Nobody can tell where many are damage, or where no mark was judged at all.
    """
    counts = {name: len(photo.get(name, ())) for name in (*VERDICTS, "drawn")}
    worn = counts["damage"] + counts["drawn"] + 0.5 * counts["unsure"]
    return "detail" if any(counts.values()) and worn < FEW else "unsure"


def put_drawn(marks: Path, slack_px: int, without: set[int], out: Path) -> None:
    """Add drawn marks to those photos of a file of verdicts that they lie on, unless known."""
    photos = json.loads(out.read_text())["photos"]
    files = [(Path(photo["file"]), photo) for photo in photos]
    known = {path.stem: photo for path, photo in files}
    known |= {f"{path.parent.name}-{path.stem}": photo for path, photo in files}
    drawn = [
        read_mark(line, slack_px)
        for line in marks.read_text().splitlines()
        if len(line.split()) > 2
    ]
    left = []
    for number, (name, mark) in enumerate(drawn):
        if number not in without and name in known:
            photo = known[name]
            photo["rest"] = "unsure"
            if is_known(mark, photo):
                left.append(str(number))
            else:
                photo["drawn"] = [*photo.get("drawn", ()), mark.to_dict()]
    if left:
        print(f"known before, and left out: {' '.join(left)}")
    save(photos, out)


def is_known(mark: Drawn, photo: dict[str, Any]) -> bool:
    """Whether the same damage was judged or drawn before."""
    boxes = np.array(photo.get("damage", ()), int).reshape(-1, 2, 2).tolist()
    judged = [Drawn(mark.kind, tuple(map(tuple, box)), 0, mark.slack_px) for box in boxes]
    drawn = [Drawn.from_dict(told) for told in photo.get("drawn", ())]
    return any(shared(mark, before) >= SAME for before in judged + drawn)


def shared(one: Drawn, other: Drawn) -> float:
    """Overlap of the regions of two marks over their union: lines that cross share little."""
    reach = [max(sides) + 2 * SLACK_PX for sides in zip(one.box[2:], other.box[2:], strict=True)]
    first, second = (mark.region((reach[1], reach[0])) > 0 for mark in (one, other))
    return float((first & second).sum() / max(1, (first | second).sum()))


def read_mark(line: str, slack_px: int) -> tuple[str, Drawn]:
    """Name of a photo and a mark on it."""
    name, kind, shape, *rest = line.split()
    values = [round(float(value)) for value in rest]
    width = 0 if shape == "box" else max(1, values.pop(0))
    return name, Drawn(kind, tuple(zip(values[::2], values[1::2], strict=True)), width, slack_px)


def save(photos: Sequence[dict[str, Any]], out: Path) -> None:
    """Write a file of verdicts, a photo in a line."""
    lines = ",\n".join(json.dumps(photo) for photo in photos)
    out.write_text(f'{{"photos": [\n{lines}\n]}}\n')
    print(f"{len(photos)} photos in {out}")


if __name__ == "__main__":
    main()
