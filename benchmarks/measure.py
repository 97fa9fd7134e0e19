"""Measure everything that docs/benchmarks.md shows, and write the page.

    python benchmarks/measure.py DATA --library LIBRARY --baselines FOLDER [--only STEPS] [--list]

DATA is a folder of clean photos that nothing was trained on, LIBRARY the artefact shapes, FOLDER
what `baselines.py` made. Steps are run one after the other, each as a process; what they measure
lands in `benchmarks/results`. `speed`, `roofline`, `scaling` and `speedups` want a machine that
does nothing else. `--list` shows the commands and runs none. The slower a method, the fewer photos
it sees: `MANY`, `SOME`, `FEW`, or `CROPS` pieces of them.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyvips

from unfade.io.read import can_read

HERE = Path(__file__).parent
RESULTS = HERE / "results"
SIDE = 256
MANY, SOME, FEW = 30, 12, 4
"""Photos for fast methods, for networks, and for biharmonic inpainting and BM3D."""

CROPS = 3
"""Pieces of photos for methods that learn from the one photo."""

AGING = "film-35mm,old-photo-mixed,print-bw"

DETECTORS = ("damage-efficient", "unet", "attention-unet", "r2att-unet")
RESTORERS = (
    *("restore-efficient", "photo-unet", "restormer-small", "operation-attention"),
    *("pix2pix", "cyclegan"),
)

Command = Sequence[str | Path]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--baselines", type=Path, required=True)
    parser.add_argument("--dncnn", type=Path, help="GD_Color_Blind.mat, for denoising")
    parser.add_argument("--grey", nargs="+", default=[], type=Path, help="networks for grey")
    parser.add_argument("--film", nargs="+", default=[], type=Path, help="networks for film")
    parser.add_argument("--old", nargs="+", default=[], help="real old photos, for judged")
    parser.add_argument("--work", type=Path, default=Path("measured"), help="reports and stores")
    parser.add_argument("--only", nargs="*", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for step in args.only:
            for command in STEPS[step](args, Path(folder)):
                print(shlex.join(map(str, command)), flush=True)
                # One photo that fails makes `unfade evaluate` end with 1: the report says which.
                if not args.list and subprocess.run(list(map(str, command))).returncode > 1:
                    raise SystemExit(f"{step}: the command above failed")


def script(name: str, *words: str | Path) -> Command:
    return [sys.executable, HERE / f"{name}.py", *words]


def measured(name: str, *words: str | Path) -> Callable[..., Iterator[Command]]:
    """A script that takes the photos and writes JSON."""

    def commands(args: argparse.Namespace, folder: Path) -> Iterator[Command]:
        target = RESULTS / f"{'speed' if name == 'compare_speed' else name}.json"
        library = ["--library", args.library] if name in ("quality", "inpainting") else []
        others = ["--dncnn", args.dncnn] if name == "denoising" and args.dncnn else []
        yield script(name, args.data, *library, *others, *words, "--json", target)

    return commands


def evaluation(
    name: str, data: Path, args: argparse.Namespace, *words: str | Path
) -> Iterator[Command]:
    """An evaluation on aged photos, and what of it the page needs."""
    out = args.work / name
    common = ["--library", args.library, "--part", "val", "-o", out]
    yield [sys.executable, "-m", "unfade", "evaluate", "--data", data, *common, *words]
    yield script("write_page", "--take", f"{name}={out / 'evaluation.json'}")


def classical(args: argparse.Namespace, folder: Path) -> Iterator[Command]:
    names = "identity,median,telea-ours-mask,navier-stokes-ours-mask,nlm,wavelet"
    words = ["--recipe", "auto", "--baseline", f"{names},telea-true-mask,navier-stokes-true-mask"]
    words += ["--limit", str(MANY)]
    return evaluation("classical", args.data, args, "--aging", AGING, *words)


def why(args: argparse.Namespace, folder: Path) -> Iterator[Command]:
    words = [w for r in ("smooth", "denoised") for w in ("--recipe", HERE / f"recipes/{r}.toml")]
    words += ["--limit", str(MANY), "--no-clean"]
    aging = "film-35mm,print-bw"
    return evaluation("why", args.data, args, "--aging", aging, "--recipe", "auto", *words)


def slow(args: argparse.Namespace, folder: Path) -> Iterator[Command]:
    words = ["--recipe", "auto", "--baseline", "biharmonic-ours-mask,biharmonic-true-mask,bm3d"]
    return evaluation("slow", args.data, args, "--aging", AGING, *words, "--limit", str(FEW))


def detectors(args: argparse.Namespace, folder: Path) -> Iterator[Command]:
    words = [*networks(args, DETECTORS), "--limit", str(SOME)]
    return evaluation("unets", args.data, args, "--aging", "film-35mm,old-photo-mixed", *words)


def restorers(args: argparse.Namespace, folder: Path) -> Iterator[Command]:
    words = ["--recipe", "auto", *networks(args, RESTORERS), "--baseline", "identity"]
    words += ["--limit", str(SOME)]
    return evaluation("restorers", args.data, args, "--aging", AGING, *words)


def networks(args: argparse.Namespace, names: Sequence[str]) -> list[str | Path]:
    """Those that are there, in this order; the first is what the others are compared with."""
    found = [args.baselines / f"{name}.onnx" for name in names]
    there = [path for path in found if path.with_suffix(".toml").is_file()]
    missing = ", ".join(path.stem for path in found if path not in there)
    if missing:
        print(f"not trained, so left out: {missing}")
    return [word for path in there for word in ("--network", path)]


def one_photo(args: argparse.Namespace, folder: Path) -> Iterator[Command]:
    crops = folder / "crops"
    if not args.list:
        make_crops(args.data, crops)
    words: list[str | Path] = ["--recipe", "auto", "--timeout", "3600", "--no-clean"]
    words += ["--baseline", "identity,telea-ours-mask,nlm"]
    for method in ("prior", "blind-spot"):
        call = [sys.executable, str(HERE / "one_photo.py"), method]
        words += ["--command", f"{shlex.join(call)} {{input}} {{output}}"]
    return evaluation("one-photo", crops, args, "--aging", "film-35mm", *words)


def make_crops(data: Path, target: Path) -> None:
    """Cut the middle out of the first photos."""
    target.mkdir(parents=True, exist_ok=True)
    for path in [p for p in sorted(data.rglob("*")) if can_read(p)][:CROPS]:
        picture = pyvips.Image.new_from_file(str(path))
        left, top = (picture.width - SIDE) // 2, (picture.height - SIDE) // 2
        picture.crop(left, top, SIDE, SIDE).pngsave(str(target / f"{path.stem}.png"))


def baselines(args: argparse.Namespace, folder: Path) -> Iterator[Command]:
    if not args.list:
        shutil.copy(args.baselines / "baselines.json", RESULTS)
    return iter(())


def grey(args: argparse.Namespace, folder: Path) -> Iterator[Command]:
    """The mix of the small photo U-Net, by networks that a person trained for it."""
    if args.grey:
        yield script("grey", args.data, *args.grey, "--json", RESULTS / "grey.json")


def film(args: argparse.Namespace, folder: Path) -> Iterator[Command]:
    """Film damage alone, by finding and filling and by networks of one stage."""
    networks = ["--network", *args.film] if args.film else []
    target = RESULTS / "film.json"
    yield script("film", args.data, "--library", args.library, *networks, "--json", target)


def judged(args: argparse.Namespace, folder: Path) -> Iterator[Command]:
    """Marks that a person judged: on photos held out of training, and on those to check with."""
    for part in ("held", "val") if args.old else ():
        verdicts, target = HERE / f"judged/old-{part}.json", RESULTS / f"judged-{part}.json"
        yield script("judged", verdicts, *args.old, "--json", target)


def page(args: argparse.Namespace, folder: Path) -> Iterator[Command]:
    yield script("write_page")


STEPS: dict[str, Callable[[argparse.Namespace, Path], Iterator[Command]]] = {
    "speed": measured("compare_speed"),
    "roofline": measured("roofline"),
    "scaling": measured("scaling"),
    "speedups": measured("speedups"),
    "agreement": measured("agreement"),
    "quality": measured("quality"),
    "inpainting": measured("inpainting", "--limit", str(MANY)),
    "denoising": measured("denoising"),
    "veils": measured("veils"),
    "grey": grey,
    "film": film,
    "judged": judged,
    "classical": classical,
    "why": why,
    "slow": slow,
    "unets": detectors,
    "restorers": restorers,
    "one-photo": one_photo,
    "baselines": baselines,
    "page": page,
}


if __name__ == "__main__":
    main()
