"""`unfade evaluate`: how good and how fast, with the doubt that is left."""

from __future__ import annotations

import dataclasses
import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from .options import equipment, equipment_options, json_option, parse_names
from .places import check_folder, is_of_evaluation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..darkroom import Darkroom
    from ..evaluate import Case, Method, Row, Sheet

FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
FILES = ("index.html", "evaluation.json", "photos.csv")
"""What is always written."""


def parse_severities(
    ctx: click.Context, option: click.Parameter, texts: tuple[str, ...]
) -> tuple[float, ...]:
    """Read severities separated by commas; 0.5 where none is given."""
    try:
        values = tuple(float(word) for word in parse_names(ctx, option, texts))
    except ValueError as error:
        raise click.BadParameter(f"severities are written like 0.2,0.5: {error}") from error
    if not all(0 <= value <= 1 for value in values):
        raise click.BadParameter(f"a severity is within 0 to 1, got {', '.join(texts)}")
    return values or (0.5,)


@click.command()
@click.option(
    "--data",
    type=FOLDER,
    metavar="DIR",
    help="Photos: clean ones with --aging, else real ones whose truth nobody knows.",
)
@click.option(
    "--aging",
    multiple=True,
    callback=parse_names,
    metavar="PRESETS",
    help="Age the photos of --data first; presets as of `unfade age`.",
)
@click.option(
    "--severity",
    "severities",
    multiple=True,
    callback=parse_severities,
    metavar="NUMBERS",
    help="0 to 1; several give curves.  [0.5]",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    help="The same seed makes the same damage and the same figures.  [0]",
)
@click.option("--library", type=FOLDER, metavar="DIR", help="Artefact shapes to mix in.")
@click.option(
    "--part",
    type=click.Choice(["all", "train", "val"]),
    default="all",
    help="Part of the library.  [all]",
)
@click.option(
    "--pairs",
    type=(FOLDER, FOLDER),
    metavar="AGED CLEAN",
    help="Two folders of files with equal names, instead of --data.",
)
@click.option(
    "--masks",
    type=FOLDER,
    metavar="DIR",
    help="Damage of the pairs, white is damaged; such as `unfade age` writes.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N photos.")
@click.option(
    "--clean/--no-clean",
    "check",
    default=True,
    help="Also give the clean photos themselves: they should come out as they are.  [yes]",
)
@click.option(
    "--recipe",
    "recipes",
    multiple=True,
    metavar="NAME|FILE",
    help="A recipe, `auto` (chosen per photo) or `baseline:NAME`; may be repeated. The "
    "first method named is the one the others are compared with.  [auto]",
)
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    callback=parse_names,
    metavar="NAMES",
    help="Classical methods; `all` takes all, `list` lists them.",
)
@click.option(
    "--network",
    "networks",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="An ONNX network with its card, as `unfade export` writes: alone where it restores in "
    "one stage, in the place of ours where it finds damage or fills it.",
)
@click.option(
    "--command",
    "commands",
    multiple=True,
    metavar="'TOOL {input} {output}'",
    help="A foreign program, run once per photo on PNG files.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=600.0,
    metavar="SECONDS",
    help="Ends a foreign program that takes longer.  [600]",
)
@click.option(
    "--compare",
    "folders",
    multiple=True,
    type=FOLDER,
    metavar="DIR",
    help="What another tool left, under the names of the photos it was given.",
)
@click.option(
    "--lpips",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="LPIPS network of your own, as ONNX; see docs/evaluate.md.",
)
@click.option(
    "--encoder",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Encoder of your own, as ONNX, for the Frechet (FID under Inception) and the "
    "Wasserstein distance between sets.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("evaluation"),
    metavar="DIR",
    help="Folder of index.html, evaluation.json and photos.csv.  [evaluation]",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where results are kept and found again.  [OUT/.results]",
)
@click.option("--no-store", is_flag=True, help="Measure everything anew and keep nothing.")
@click.option("--parquet", is_flag=True, help="Also write photos.parquet (needs pyarrow).")
@json_option
@equipment_options
@click.pass_context  # fmt: skip
def command(
    ctx: click.Context,
    data: Path | None,
    aging: tuple[str, ...],
    severities: tuple[float, ...],
    seed: int,
    library: Path | None,
    part: str,
    pairs: tuple[Path, Path] | None,
    masks: Path | None,
    limit: int | None,
    check: bool,
    recipes: tuple[str, ...],
    baselines: tuple[str, ...],
    networks: tuple[Path, ...],
    commands: tuple[str, ...],
    timeout: float,
    folders: tuple[Path, ...],
    lpips: Path | None,
    encoder: Path | None,
    out: Path,
    store: Path | None,
    no_store: bool,
    parquet: bool,
    as_json: bool,
    engine: str,
    threads: int,
    memory: int | None,
) -> None:
    """Measure recipes, baselines, networks and other programs on the same photos.

    Figures, intervals, plots and the worst photos come as a page that works offline, as JSON and
    as CSV. A photo that fails is told and stops nothing; the exit code is then 1.
    """
    from ..evaluate.baselines import BASELINES
    from ..evaluate.cases import Aging
    from ..evaluate.perception import open_perception
    from ..evaluate.sheet import run_cases
    from ..evaluate.store import Store
    from ..evaluate.summary import open_parquet, write_parquet
    from ..jobs.run import open_darkroom

    if "list" in baselines:
        for name, baseline in BASELINES.items():
            click.echo(f"{name:<26} {baseline.about}")
        return
    agings = [
        Aging(preset, severity, seed, str(library or ""), part)
        for preset in aging
        for severity in severities
    ]
    _check_aging(ctx, aging)
    check_folder(out, (*FILES, "photos.parquet") if parquet else FILES, is_of_evaluation)
    cases = _cases(data, agings, pairs, masks, limit, check)
    methods = _methods(recipes, baselines, networks, commands, timeout, folders)
    if parquet:
        open_parquet()
    darkroom = open_darkroom(equipment(engine, threads, memory))
    perception = open_perception(darkroom.engine, lpips, encoder)
    kept = None if no_store else Store(store or out / ".results")
    out.mkdir(parents=True, exist_ok=True)
    sheet = run_cases(cases, methods, darkroom, kept, None if as_json else _say, perception)
    facts = {
        "photos": data or (pairs and " and ".join(map(str, pairs))),
        "cases": len(cases),
        "aged by": ", ".join(f"{a.preset} {a.severity:g}" for a in agings) or "not aged",
        "seed": seed,
        "library": f"{library}, part {part}" if library else "none: every shape is drawn",
        "methods": ", ".join(method.name for method in methods),
    } | ({} if perception is None else perception.names)
    told = _write(out, facts, sheet, cases, methods, darkroom)
    if parquet:
        write_parquet(_in_unicode(sheet), out / "photos.parquet")
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _conclude(told, out)
    ctx.exit(int(any(row.error for row in sheet.rows)))


AGING = {
    "severities": "--severity",
    "seed": "--seed",
    "library": "--library",
    "part": "--part",
}
"""What only says how photos are aged: parameters and their options."""


def _check_aging(ctx: click.Context, aging: tuple[str, ...]) -> None:
    if aging:
        return
    for name, option in AGING.items():
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option} goes with --aging; without it nothing is aged")


def _cases(
    data: Path | None,
    agings: Sequence[Any],
    pairs: tuple[Path, Path] | None,
    masks: Path | None,
    limit: int | None,
    check: bool,
) -> list[Case]:
    from ..degrade import PRESETS
    from ..errors import RecipeError
    from ..evaluate.cases import aged_cases, paired_cases, real_cases

    if (data is None) == (pairs is None):
        raise click.UsageError("name either --data DIR or --pairs AGED CLEAN")
    if pairs is not None:
        if agings:
            raise click.UsageError("--aging goes with --data; pairs are aged already")
        found = paired_cases(*pairs, masks, check=check)
    elif masks is not None:
        raise click.UsageError("--masks goes with --pairs")
    elif agings:
        for item in agings:
            if item.preset not in PRESETS:
                known = ", ".join(PRESETS)
                raise RecipeError(f"no aging preset {item.preset!r}; known: {known}")
        found = aged_cases(data, agings, clean=check)  # type: ignore[arg-type]
    else:
        found = real_cases(data)  # type: ignore[arg-type]
    names = list(dict.fromkeys(case.name for case in found))[:limit]
    return [case for case in found if case.name in set(names)]


def _methods(
    recipes: tuple[str, ...],
    baselines: tuple[str, ...],
    networks: tuple[Path, ...],
    commands: tuple[str, ...],
    timeout: float,
    folders: tuple[Path, ...],
) -> list[Method]:
    from ..evaluate.baselines import BASELINES
    from ..evaluate.methods import AUTO, BASELINE, RunCommand, TakeFiles, make_method, name_of
    from ..evaluate.networks import RunNetwork

    wanted = BASELINES if "all" in baselines else baselines
    first = dict.fromkeys(recipes)
    others = dict.fromkeys(BASELINE + name for name in wanted)
    found: list[Method] = [make_method(word) for word in first]
    found += [RunNetwork(path) for path in networks]
    found += [make_method(word) for word in others if word not in first]
    found += [RunCommand(name_of(text), text, timeout) for text in commands]
    found += [TakeFiles(folder.name, folder) for folder in folders]
    return found or [make_method(AUTO)]


def _say(row: Row) -> None:
    place = f"{row.preset} {row.severity:g} " if row.preset else f"{row.kind} "
    if row.error:
        click.echo(f"{row.photo}: {row.method}: {place}failed: {row.error}", err=True)
        return
    names = ("psnr_given", "psnr", "ssim", "psnr_inside", "identical_share", "changed_share")
    figures = [f"{n} {row.figures[n]:.4g}" for n in names if n in row.figures]
    figures += _before_and_after(row.figures)
    click.echo(f"{row.photo}: {row.method}: {place}{', '.join(figures)}", err=True)


def _before_and_after(known: Mapping[str, float]) -> list[str]:
    """What changed in real photos, of whose truth nothing is known; empty for others."""
    return [
        f"{name} {known[f'{name}_before']:.4g} to {known[f'{name}_after']:.4g}"
        for name in ("noise", "blur", "contrast")
        if f"{name}_before" in known
    ]


def _write(
    out: Path,
    facts: dict[str, Any],
    sheet: Sheet,
    cases: Sequence[Case],
    methods: Sequence[Method],
    darkroom: Darkroom,
) -> dict[str, Any]:
    from ..evaluate.networks import RunNetwork
    from ..evaluate.page import page_html, show, worst_rows
    from ..evaluate.summary import document, write_csv
    from ..report.sidecar import write_text
    from ..report.versions import versions

    used = versions((darkroom.engine.name,))
    about = {
        "title": f"{methods[0].name} on {facts['photos']}",
        "software": f"unfade {used['unfade']}",
        "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "facts": {name: str(value) for name, value in facts.items()}
        | {"engine": darkroom.engine.name}
        | used,
        "networks": {m.name: m.facts for m in methods if isinstance(m, RunNetwork)},
    }
    told = document(sheet, about)
    numbers = json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False)
    write_text(out / "evaluation.json", numbers)
    write_csv(_in_unicode(sheet), out / "photos.csv")
    shown = show(worst_rows(sheet, methods[0].name), cases, methods[0], darkroom)
    write_text(out / "index.html", page_html(told, sheet, shown))
    return told


def _in_unicode(sheet: Sheet) -> Sheet:
    """A sheet whose tables can be written: of names in another encoding, as JSON escapes them."""
    rows = [
        dataclasses.replace(row, photo=_escaped(row.photo), error=_escaped(row.error))
        for row in sheet.rows
    ]
    return dataclasses.replace(sheet, rows=rows)


def _escaped(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _conclude(told: dict[str, Any], out: Path) -> None:
    for entry in told["summary"]:
        name = f"{entry['method']}, {entry['kind']}"
        name += f", {entry['preset']} {entry['severity']:g}" if entry["preset"] else ""
        figures = [
            f"{figure} {known['mean']:.4g} ({known['low']:.4g} to {known['high']:.4g})"
            for figure, known in entry["figures"].items()
            if figure in ("psnr", "psnr_gain", "ssim", "psnr_inside", "identical_share")
        ]
        means = {figure: known["mean"] for figure, known in entry["figures"].items()}
        figures += _before_and_after(means)
        failed = f", {entry['failed']} failed" if entry["failed"] else ""
        told_of = f"{entry['photos']} photos{failed}"
        click.echo(": ".join(filter(None, (name, told_of, ", ".join(figures)))))
    click.echo(f"{out / 'index.html'}")
