"""`unfade survey`: what is there before anything is done?"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import equipment, equipment_options, json_option, photos

if TYPE_CHECKING:
    from ..jobs.job import Equipment
    from ..survey.look import Seen
    from ..survey.summary import Survey
    from .inputs import Found


@click.command()
@photos
@click.option(
    "--csv",
    "table",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a table with a line per photo to this file.",
)
@click.option(
    "--sheet",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a contact sheet to this picture (SHEET-2 ... where it needs several).",
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace what lies at --csv and --sheet, also what is no earlier survey; never a photo.",
)
@json_option
@equipment_options
@click.pass_context
def command(
    ctx: click.Context,
    inputs: tuple[str, ...],
    table: Path | None,
    sheet: Path | None,
    overwrite: bool,
    as_json: bool,
    engine: str,
    threads: int,
    memory: int | None,
) -> None:
    """Look at photos without changing any: damage, tone, doubles, and what restoring would take.

    Measured on small pictures of 1024 pixels: quick, and enough to plan; what it says of damage
    and time is an estimate. Exit code: 0, 1 if a file could not be read, 130 after Ctrl-C.
    """
    from ..io.read import can_read
    from ..survey.sheet import THUMBNAIL, write_sheets
    from ..survey.summary import as_csv, as_document, summarize
    from .inputs import find
    from .main import STOPPED

    found = [item for item in find(inputs, can_read) if item.named or not item.problem]
    found = without_earlier(found, table, sheet)
    if not found:
        raise click.ClickException("no photos found")
    check_outputs(table, sheet, [item.path for item in found], overwrite)
    tools = equipment(engine, threads, memory)
    seen, stopped = look_at_all(found, tools, THUMBNAIL if sheet else 0, as_json)
    survey = summarize(seen, tools.memory)
    # First of all, so that a full disk does not cost the look.
    if as_json:
        click.echo(json.dumps(as_document(survey), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _print(survey)
    if table is not None and seen:
        # Excel takes a table for UTF-8 only if it begins with the mark.
        _write(table, "\ufeff" + as_csv(survey))
    if sheet is not None:
        write_sheets(survey, sheet)
    ctx.exit(STOPPED if stopped else int(any(one.problem for one in seen)))


def check_outputs(
    table: Path | None, sheet: Path | None, photos: Sequence[Path], overwrite: bool
) -> None:
    """Refuse, before anything is looked at, what cannot or must not be written.

    Args:
        photos: What will be looked at; none of it is replaced.
    Raises:
        UsageError: A name for something else, no such folder, or what `check_places` refuses.
    """
    from ..io.read import can_read
    from ..survey.ours import is_sheet, is_table
    from ..survey.sheet import sheet_places
    from .places import check_places
    from .sheet import check_suffix

    if table is not None:
        if can_read(table):
            raise click.UsageError(
                f"--csv {table}: expected the name of a table, such as survey.csv, got a photo's"
            )
        check_places("--csv", [table], photos, is_table, overwrite)
    if sheet is not None:
        check_suffix(sheet)
        check_places("--sheet", sheet_places(sheet, len(photos)), photos, is_sheet, overwrite)
        if not sheet.parent.is_dir():
            raise click.UsageError(
                f"--sheet {sheet}: there is no folder {sheet.parent}; make it first"
            )


def without_earlier(found: Sequence[Found], table: Path | None, sheet: Path | None) -> list[Found]:
    """Leave out what an earlier survey wrote where this one will: of `survey * --sheet s.jpg`."""
    from ..survey.ours import is_sheet, is_table
    from ..survey.sheet import sheet_places

    places = [] if sheet is None else sheet_places(sheet, len(found))
    earlier = [place for place in places if is_sheet(place)]
    earlier += [table] if table is not None and is_table(table) else []
    own = {os.path.realpath(place) for place in earlier}
    return [item for item in found if os.path.realpath(item.path) not in own]


def look_at_all(
    found: Sequence[Found], tools: Equipment, thumbnail: int, quiet: bool
) -> tuple[list[Seen], bool]:
    """Look at all photos until Ctrl-C; tells whether that came."""
    from ..errors import Cancelled, PhotoError
    from ..survey.look import Seen, look_at
    from .batch import open_room, stopping
    from .display import Display

    seen: list[Seen] = []
    with Display(len(found), quiet) as display:
        room = open_room(tools, display)
        try:
            with stopping(room):
                for item in found:
                    display.photo(item.path.name)
                    try:
                        seen.append(look_at(item.path, room, thumbnail))
                    except (PhotoError, OSError, ValueError) as error:
                        problem = item.problem or " ".join(str(error).split())
                        seen.append(Seen(str(item.path), problem))
                    display.finished()
        except (Cancelled, KeyboardInterrupt):
            return seen, True
    return seen, False


def _write(path: Path, text: str) -> None:
    from ..report.sidecar import write_text

    write_text(path, text)


def _print(survey: Survey) -> None:
    """A table that fits a terminal, then the whole in a few lines."""
    from ..survey.look import TONES

    doubles = survey.double_of()
    width = max((len(_short(seen.path)) for seen in survey.photos), default=0)
    click.echo(
        f"{'photo':<{width}}  {'size':>12}  {'bits':>4}  {'tone':<8}  {'damaged':>8}  "
        f"{'':<8}  {'veil':<6}  {'fading':<6}  {'double':>6}  {'about':>7}"
    )
    for index, (seen, cost) in enumerate(zip(survey.photos, survey.costs, strict=True)):
        if cost is None:
            problem = seen.problem.removeprefix(f"{seen.path}: ")
            click.echo(f"{_short(seen.path):<{width}}  {problem}")
            continue
        tone = "negative" if seen.negative else TONES[seen.tone]
        click.echo(
            f"{_short(seen.path):<{width}}  {seen.width:>5} x{seen.height:>5}  {seen.bits:>4}  "
            f"{tone:<8}  {seen.damaged_share:>8.2%}  {seen.severity:<8}  "
            f"{'veiled' if seen.veiled else '':<6}  {'faded' if seen.faded else '':<6}  "
            f"{doubles.get(index, ''):>6}  {cost.seconds:>5.1f} s"
            + (f"  {seen.pages} pages" if seen.pages > 1 else "")
        )
    _print_totals(survey)


def _print_totals(survey: Survey) -> None:
    from ..survey.look import TONES
    from ..survey.summary import totals

    told = totals(survey)
    severity = ", ".join(f"{number} {name}" for name, number in told["severity"].items())
    tones = ", ".join(f"{number} {TONES[name]}" for name, number in told["tone"].items())
    pages = f" of {told['pages']} pages" if told["pages"] > told["photos"] else ""
    click.echo()
    click.echo(
        f"{told['photos']} photos{pages}, {told['megapixels']:.1f} megapixels, "
        f"{_size(told['bytes'])}; {told['unreadable']} unreadable"
    )
    click.echo(f"damage: {severity}")
    click.echo(
        f"tone: {tones or 'none'}; {told['veiled']} veiled, {told['faded']} faded, "
        f"{told['negatives']} negatives"
    )
    click.echo(
        f"doubles: {told['doubles']} show a picture that another shows, {told['copies']} of them "
        "byte for byte"
    )
    click.echo(
        f"restoring takes about {_time(told['seconds'])} in one process, "
        f"{_size(told['most_memory'])} of memory, {_size(told['disk'])} of disk"
        + (f", {_size(told['most_scratch'])} of scratch" if told["most_scratch"] else "")
    )


def _short(path: str) -> str:
    """The end of a path, where the names are."""
    return path if len(path) <= 44 else f"...{path[-41:]}"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _size(number: float) -> str:
    for unit in ("bytes", "KB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"
