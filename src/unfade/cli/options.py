"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ..jobs.job import Equipment, Existing
    from ..report.papers import Papers

PAPERS = ("sidecar", "premis", "c2pa_cert", "c2pa_key", "album")
"""Arguments of `papers`, by the names of their options."""

Command = TypeVar("Command", bound=Callable[..., Any])


class Share(click.FloatRange):
    """A number from 0 to 1."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it; neither a percentage nor what is no number."""
        try:
            share = float(value)
        except ValueError:
            share = float("nan")
        if not 0 <= share <= 1:
            self.fail(f"expected a number from 0 to 1, such as 0.5; got {value}", param, ctx)
        return share


SHARE = Share(0, 1)


def parse_memory(ctx: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """Read a size such as `2G`, `512M` or `1.5 GiB` as bytes; a bare number is in bytes too."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.strip().lower())
    if match is None:
        raise click.BadParameter(f"a size is written like 2G or 512M, got {text!r}", ctx, option)
    return int(float(match[1]) * 1024 ** " kmgt".index(match[2] or " "))


def parse_names(
    ctx: click.Context, option: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    """Read names separated by commas, of an option that may be repeated."""
    return tuple(part.strip() for text in texts for part in text.split(",") if part.strip())


def photos(command: Command) -> Command:
    """Add the argument `IN...`."""
    return click.argument("inputs", metavar="IN...", nargs=-1, required=True)(command)


def equipment_options(command: Command) -> Command:
    """Add --engine, --threads and --memory, each as `Equipment` has it."""
    for option in (
        click.option("--memory", callback=parse_memory, metavar="SIZE",
                     help="Budget such as 2G.  [2G]"),
        click.option("--threads", type=click.IntRange(0), default=0, metavar="N",
                     help="Threads of the engine; 0 lets it choose."),
        click.option("--engine", default="auto", metavar="NAME",
                     help="Inference engine; `unfade doctor` lists them."),
    ):  # fmt: skip
        command = option(command)
    return command


def existing_options(command: Command) -> Command:
    """Add --overwrite and --skip-existing."""
    for option in (
        click.option("--skip-existing", is_flag=True, help="Leave out what is there already."),
        click.option("--overwrite", is_flag=True,
                     help="Replace earlier results; never an original."),
    ):  # fmt: skip
        command = option(command)
    return command


def page_option(command: Command) -> Command:
    """Add --page."""
    words = "Of a TIFF of several pages take this one alone."
    return click.option("--page", type=click.IntRange(1), metavar="N", help=words)(command)


def rough_option(command: Command) -> Command:
    """Add --rough."""
    words = "--mask was painted roughly over the damage: fill what is damaged within it."
    return click.option("--rough", is_flag=True, help=words)(command)


def recipe_option(command: Command) -> Command:
    """Add --recipe."""
    words = "A preset or a TOML file; by default each photo is measured and one chosen."
    return click.option("--recipe", metavar="NAME|FILE", help=words)(command)


def set_option(command: Command) -> Command:
    """Add --set, which may be repeated."""
    words = "Change a setting; `unfade recipes stages` lists them all."
    return click.option("--set", "settings", multiple=True, metavar="STAGE.KEY=VALUE", help=words)(
        command
    )


def negative_option(command: Command) -> Command:
    """Add --negative."""
    words = "Invert: these are scans of negatives."
    return click.option("--negative", is_flag=True, help=words)(command)


def papers_options(command: Command) -> Command:
    """Add --sidecar, --premis, --c2pa-cert, --c2pa-key and --album, as `Papers` has them."""
    for option in (
        click.option("--album", type=click.Path(file_okay=False), metavar="FOLDER",
                     help="Make a page of all photos there: before/after, damage, what became "
                     "of each pixel, numbers, failures."),
        click.option("--c2pa-key", type=click.Path(dir_okay=False), envvar="UNFADE_C2PA_KEY",
                     help="Its private key, PEM.  [$UNFADE_C2PA_KEY]"),
        click.option("--c2pa-cert", type=click.Path(dir_okay=False), envvar="UNFADE_C2PA_CERT",
                     help="Sign a C2PA manifest with this certificate chain, PEM.  "
                     "[$UNFADE_C2PA_CERT]"),
        click.option("--premis", is_flag=True,
                     help="Write NAME.EXT.premis.xml (PREMIS 3) too."),
        click.option("--sidecar/--no-sidecar", default=True,
                     help="Write NAME.EXT.unfade.json, from which `unfade replay` does it "
                     "again.  [yes]"),
    ):  # fmt: skip
        command = option(command)
    return command


def papers(
    sidecar: bool, premis: bool, c2pa_cert: str | None, c2pa_key: str | None, album: str | None
) -> Papers:
    """Check and gather what is written about an output.

    Raises:
        SigningError: Certificate, key or library do not do; better now than after hours.
        ValueError: Only one of certificate and key.
    """
    from ..report.credentials import Certificate, check
    from ..report.papers import Papers

    wanted = Papers(sidecar, premis, c2pa_cert or "", c2pa_key or "", album or "")
    if wanted.certificate:
        check(Certificate(wanted.certificate, wanted.key))
    return wanted


def json_option(command: Command) -> Command:
    """Add --json."""
    words = "Print one JSON document and nothing else."
    return click.option("--json", "as_json", is_flag=True, help=words)(command)


def equipment(engine: str, threads: int, memory: int | None) -> Equipment:
    """Check and gather what a darkroom is opened with.

    Raises:
        BadParameter: No such engine.
    """
    from ..darkroom import DEFAULT_MEMORY
    from ..engines import ENGINES
    from ..jobs.job import Equipment

    if engine != "auto" and engine not in ENGINES:
        known = ", ".join(("auto", *ENGINES))
        raise click.BadParameter(f"no engine {engine!r}; known: {known}", param_hint="--engine")
    return Equipment(engine, threads, DEFAULT_MEMORY if memory is None else memory)


def existing(overwrite: bool, skip_existing: bool) -> Existing:
    """What to do with targets that are there."""
    from ..jobs.job import Existing

    if overwrite and skip_existing:
        raise click.UsageError("--overwrite and --skip-existing exclude each other")
    if overwrite:
        return Existing.OVERWRITE
    return Existing.SKIP if skip_existing else Existing.REFUSE
