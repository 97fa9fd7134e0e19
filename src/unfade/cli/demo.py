"""`unfade demo`: age a photograph that comes with an installed package, restore it, show both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import SHARE, equipment, equipment_options

if TYPE_CHECKING:
    from ..darkroom import Darkroom
    from ..photo import Mask, Photo

SEED = 12
"""One in which every stage has work to do, chosen for that: it gains 3.3 dB, where of the first 24
the median gains 0.2 and the mean 1.3."""

PRESET = "print-color"

FILES = {
    "clean.png": "the photograph as it was",
    "aged.png": "made old",
    "aged.mask.png": "the damage put in",
    "aged.json": "how it was made old",
    "restored.png": "restored",
    "restored.png.mask.png": "the damage found",
    "restored.png.unfade.json": "what was done, for machines",
    "restored.png.report.html": "what was done, before and after: open this in a browser",
}
"""What is written, and what it is."""


@click.command()
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("unfade-demo"),
    help="Folder of the results.  [unfade-demo]",
)
@click.option("--severity", type=SHARE, default=0.4, help="How old.  [0.4]")
@click.option("--seed", type=click.IntRange(0), default=SEED, help=f"Which damage.  [{SEED}]")
@click.option("--preset", default=PRESET, metavar="NAME", help=f"What it was.  [{PRESET}]")
@equipment_options
@click.pass_context
def command(
    ctx: click.Context,
    out: Path,
    severity: float,
    seed: int,
    preset: str,
    engine: str,
    threads: int,
    memory: int | None,
) -> None:
    """Age and restore the photograph of an astronaut (NASA, public domain) with what is installed.

    Nothing is downloaded. The results of an earlier demo in the folder are replaced.
    """
    from ..jobs.job import Existing, Job
    from ..jobs.outcome import State
    from ..jobs.run import run_job
    from ..report.papers import Papers
    from .batch import open_room, stopping
    from .display import Display
    from .places import check_folder, is_demo

    check_folder(out, FILES, lambda place: is_demo(place.parent))
    tools = equipment(engine, threads, memory)
    with Display(1) as display:
        room = open_room(tools, display)
        with stopping(room):
            aged, mask = make_old(out, room, preset, severity, seed)
            display.photo("aged.png")
            outcome = run_job(
                Job(
                    str(out / "aged.png"),
                    str(out / "restored.png"),
                    equipment=tools,
                    reference=str(out / "clean.png"),
                    existing=Existing.OVERWRITE,
                    save_mask=True,
                    report=True,
                    papers=Papers(sidecar=True),
                ),
                room,
            )
    if outcome.state is State.FAILED:
        raise click.ClickException(outcome.message)
    for line in told(out, outcome, aged, mask):
        click.echo(line)


def make_old(
    out: Path, darkroom: Darkroom, preset: str, severity: float, seed: int
) -> tuple[Photo, Mask]:
    """Write the clean and the aged photo, the true mask and the history of the aging."""
    from ..io.write import write, write_plane
    from ..photo import Photo
    from ..report.history import About, history_dict
    from ..report.sidecar import write_text
    from ..verbs import age

    clean = Photo.from_array(astronaut())
    aged, mask = age(clean, preset=preset, severity=severity, seed=seed, darkroom=darkroom)
    out.mkdir(parents=True, exist_ok=True)
    history = history_dict(aged, About(preset, "the demo"))
    # First, because it says of the others that they are ours; see `is_demo`.
    write_text(out / "aged.json", json.dumps(history, indent=2, ensure_ascii=False) + "\n")
    write(clean, out / "clean.png")
    write(aged, out / "aged.png")
    write_plane(mask, out / "aged.mask.png")
    return aged, mask


def astronaut() -> Any:
    """The photograph: (512, 512, 3) uint8."""
    try:
        from skimage import data
    except ModuleNotFoundError as error:
        raise click.ClickException(
            "the demo takes its photograph from scikit-image: pip install 'unfade[demo]'"
        ) from error
    return data.astronaut()


def told(out: Path, outcome: Any, aged: Photo, mask: Mask) -> list[str]:
    """What was done and where it lies, in lines."""
    numbers = outcome.numbers
    steps = ", ".join(step.stage for step in aged.history)
    lines = [f"aged by: {steps}; {float((mask >= 0.5).mean()):.2%} damaged"]
    lines.append(f"restored with recipe {outcome.recipe} ({outcome.chosen}):")
    width = max((len(stage) for stage, _ in outcome.evidence), default=0)
    lines += [f"  {stage:<{width}}  {says}" for stage, says in outcome.evidence]
    lines.append(
        f"PSNR against the clean photo {numbers['psnr_before_db']:.1f} -> "
        f"{numbers['psnr_after_db']:.1f} dB, SSIM {numbers['ssim_before']:.3f} -> "
        f"{numbers['ssim_after']:.3f}, in {outcome.seconds:.1f} s"
    )
    return lines + [f"{out.resolve() / name}  {what}" for name, what in FILES.items()]
