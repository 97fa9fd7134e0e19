"""Write every table of docs/benchmarks.md from measured JSON; no figure is typed by hand.

    python benchmarks/write_page.py [--results benchmarks/results] [--page docs/benchmarks.md]
    python benchmarks/write_page.py --take print=evaluation/evaluation.json ...

Results are files of agreed names in one folder, which is kept in the repository: `quality.json`,
`speed.json`, `roofline.json`, `scaling.json` and `agreement.json` as `quality.py`,
`compare_speed.py`, `roofline.py`, `scaling.py` and `agreement.py` write them with `--json`;
`baselines.json` out of the folder of `baselines.py`; and `evaluation-NAME.json`, which `--take`
makes of what `unfade evaluate` wrote, without its rows and curves.

In the page a table stands between `<!-- begin NAME -->` and `<!-- end NAME -->`, the name being one
of `goals`, `quality`, `inpainting`, `denoising`, `grey`, `film`, `veils`, `judged held`, `judged
val`, `strokes`, `finer`, `speed`, `ratios`, `stages`, `networks`, `scaling`, `roofline`, `plan`,
`agreement`, `baselines`, or `evaluation NAME`. What is between the marks is replaced, and all else
is left as it is; where a file is missing, the table says so.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from plan import FARM, GPU_TFLOPS, PHOTO_MEGAPIXELS, plan

Told = Mapping[str, Any]

RESULTS = Path(__file__).parent / "results"
MARKS = re.compile(r"<!-- begin ([\w -]+?) -->\n.*?<!-- end \1 -->", re.DOTALL)

FIGURES = {
    "psnr": ("PSNR dB", 2),
    "psnr_gain": ("gain dB", 2),
    "psnr_inside": ("inside", 2),
    "psnr_near": ("near", 2),
    "psnr_outside": ("outside", 2),
    "ssim": ("SSIM", 4),
    "ssim_inside": ("SSIM inside", 4),
    "ssim_outside": ("SSIM outside", 4),
    "ms_ssim": ("MS-SSIM", 4),
    "gmsd": ("GMSD", 4),
    "delta_e": ("ΔE2000", 2),
    "identical_share": ("identical pixels", 4),
    "false_per_megapixel": ("false marks per MP", 1),
    "mask_f1": ("mask F1", 3),
    "mask_iou": ("mask IoU", 3),
    "lpips": ("LPIPS", 4),
    "noise_after": ("noise /255 after", 2),
    "blur_after": ("blur after", 3),
}

POOLED = {
    "roc_auc": ("ROC AUC", 3),
    "average_precision": ("AP", 3),
    "f1_at_0.4": ("F1 at 0.4", 3),
    "iou_at_0.4": ("IoU at 0.4", 3),
}

DISTANCES = {"frechet": ("Fréchet", 2), "sliced_wasserstein": ("sliced Wasserstein", 4)}

COMPARED = ("psnr_inside", "psnr_outside", "ssim_inside", "ssim_outside")
"""In these the first method of an evaluation should lead all others."""

TOLD_THE_TRUTH = "-true-mask"

NO_CONTEST = "evaluation-why"
"""Compares recipes of ours with each other."""

LEAST_MPS = 1.5
LEAST_SHARE = 0.6
LEAST_RATIOS = {"triplet translation, scratch path": 50, "Restormer": 150}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--page", type=Path, default=Path("docs/benchmarks.md"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--take", nargs="*", default=[], metavar="NAME=FILE")
    args = parser.parse_args()
    for word in args.take:
        name, _, file = word.partition("=")
        if not file:
            parser.error(f"--take wants NAME=FILE, got {word!r}")
        take(name, Path(file), args.results)
    text = args.page.read_text("utf-8")
    args.page.write_text(written(text, results_in(args.results)), "utf-8")


def take(name: str, source: Path, results: Path) -> Path:
    """Keep of an evaluation what the page needs: facts and means, no rows and no curves."""
    told = json.loads(source.read_text("utf-8"))
    about = {**told["about"], "title": _without_place(told["about"]["title"])}
    about["facts"] = {name: _without_place(text) for name, text in about["facts"].items()}
    slim = {"about": about, "summary": [_without_curve(e) for e in told["summary"]]}
    results.mkdir(parents=True, exist_ok=True)
    target = results / f"evaluation-{name}.json"
    target.write_text(json.dumps(slim, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return target


def _without_place(text: str) -> str:
    """Of every path only its last part: where folders lie on this machine concerns nobody."""
    return re.sub(r"(?:/[^/\s,]+)+/([^/\s,]+)", r"\1", text)


def _without_curve(entry: Told) -> dict[str, Any]:
    damage = {name: value for name, value in entry["damage"].items() if name != "curve"}
    return {**entry, "damage": damage}


def results_in(folder: Path) -> dict[str, Any]:
    """All results of a folder, by the names of their files without the suffix."""
    return {
        path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))
    }


def written(page: str, results: Told) -> str:
    """Fill every table that a page has marks for.

    Raises:
        SystemExit: The page has no marks, or marks of a table that nobody knows.
    """
    if "<!-- begin " not in page:
        raise SystemExit("the page has no marks such as `<!-- begin speed -->`")

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        kind, _, rest = name.partition(" ")
        if kind not in TABLES:
            raise SystemExit(f"no table {name!r}; known: {', '.join(TABLES)}")
        return f"<!-- begin {name} -->\n\n{_table_of(kind, rest, results)}\n\n<!-- end {name} -->"

    return MARKS.sub(fill, page)


def _table_of(kind: str, name: str, results: Told) -> str:
    file, make = TABLES[kind]
    wanted = f"{file}-{name}" if name else file
    if not file:
        return make(results)
    if wanted not in results:
        return f"Not measured yet: there is no `{wanted}.json`."
    return make(results[wanted])


def goals(results: Told) -> str:
    """What issue 5 asks for, and what was reached.

    What is asked for is judged by the clock; processor time, of all threads together, is what a
    busy machine changes less.
    """
    lines: list[Sequence[object]] = []
    if (speed := results.get("speed")) is not None:
        lines += _speed_goals(speed)
    for name, told in results.items():
        if name.startswith("evaluation-") and name != NO_CONTEST:
            lines += _quality_goals(name.removeprefix("evaluation-"), told)
    if not lines:
        return "Not measured yet."
    return table(("what", "wanted", "measured", "by processor time", "reached"), lines)


def _speed_goals(speed: Told) -> list[Sequence[object]]:
    lines: list[Sequence[object]] = []
    whole = _find(speed, "whole", "auto")
    if whole is not None:
        rate = 1 / whole["seconds_per_megapixel"]
        busy = speed["threads"] / whole["processor_seconds_per_megapixel"]
        what = f"`unfade restore`, {whole['megapixels']:g} MP, {speed['threads']} cores, MP/s"
        reached = _met(rate >= LEAST_MPS)
        lines.append((what, f"{LEAST_MPS:g}", f"{rate:.2f}", f"{busy:.2f}", reached))
    staged = _find(speed, "stages", "openvino-bf16") or _find(speed, "stages", "openvino-fp32")
    if staged is not None:
        share, busy = (
            statistics.median(_share(each, clock) for each in staged["rounds"])
            for clock in (
                ("network_seconds", "gflops_per_second"),
                ("network_processor_seconds", "gflop_per_processor_second"),
            )
        )
        what = f"share of the measured product while networks run, {staged['engine']}"
        reached = _met(share >= LEAST_SHARE)
        lines.append((what, f"{LEAST_SHARE:.0%}", f"{share:.0%}", f"{busy:.0%}", reached))
    for name, least in LEAST_RATIOS.items():
        if name in speed["ratios"]:
            ratio = speed["ratios"][name]
            times, busy = ratio["median_seconds"], ratio["median_processor_seconds"]
            what = f"per megapixel faster than {name}"
            reached = _met(times >= least)
            lines.append((what, f"{least} ×", f"{times:.0f} ×", f"{busy:.0f} ×", reached))
    return lines


def _share(each: Told, clock: tuple[str, str]) -> float:
    """The share of the product that networks reach: operations over seconds over its speed."""
    seconds, product = clock
    inside = [stage for stage in each["stages"] if stage[seconds]]
    return sum(s["gflop"] for s in inside) / sum(s[seconds] for s in inside) / each[product]


def _quality_goals(name: str, told: Told) -> list[Sequence[object]]:
    """Who is first in each figure; a recipe that an evaluation names first should be.

    Methods that are told where the damage is do not compete with those that must find it.
    """
    lines: list[Sequence[object]] = []
    if told["summary"][0]["method"] in told["about"].get("networks", {}):
        return lines
    aged = [
        e
        for e in told["summary"]
        if e["kind"] in ("aged", "pair") and not e["method"].endswith(TOLD_THE_TRUTH)
    ]
    for aging in dict.fromkeys(_aging(e) for e in aged):
        entries = [e for e in aged if _aging(e) == aging]
        first = told["summary"][0]["method"]
        firsts = {
            figure: max(known, key=lambda e: e["figures"][figure]["mean"])["method"]
            for figure in COMPARED
            if (known := [e for e in entries if figure in e["figures"]])
        }
        if firsts and len(entries) > 1:
            who = ", ".join(f"{_heading(figure)}: {method}" for figure, method in firsts.items())
            met = all(method == first for method in firsts.values())
            lines.append((f"first on {aging} ({name})", first, who, "", _met(met)))
    return lines


def _heading(figure: str) -> str:
    return figure.replace("_", " ").replace("psnr", "PSNR").replace("ssim", "SSIM")


def _met(yes: bool) -> str:
    return "yes" if yes else "**no**"


def _find(speed: Told, kind: str, engine: str) -> Told | None:
    found = speed["contestants"]
    return next((c for c in found if (c["kind"], c["engine"]) == (kind, engine)), None)


def machine(told: Told) -> str:
    """A sentence on where something was measured."""
    load = told.get("load")
    loads = load if isinstance(load, list) else [load]
    known = ", ".join(f"{value:.1f}" for value in loads if value is not None)
    threads = f", {told['threads']} threads" if "threads" in told else ""
    return told["machine"]["processor"] + threads + (f"; load before: {known}" if known else "")


def speed(told: Told) -> str:
    """`unfade restore` with each engine, and the published networks, per megapixel."""
    lines = [
        (
            c["name"],
            c["engine"],
            f"{c['seconds_per_megapixel']:.3f}",
            f"{c['processor_seconds_per_megapixel']:.3f}",
            f"{c['gflop'] / c['megapixels']:,.0f}" if "gflop" in c else "",
        )
        for c in told["contestants"]
        if c["kind"] in ("whole", "published", "part")
    ]
    head = ("what", "in", "s/MP", "s/MP of processor", "GFLOP/MP")
    return f"{machine(told)}.\n\n{table(head, lines)}"


def ratios(told: Told) -> str:
    """How many times faster `unfade restore` is than the published networks."""
    lines = [
        (
            name,
            f"{ratio['median_seconds']:.0f}",
            ", ".join(f"{each:.0f}" for each in ratio["seconds"]),
            f"{ratio['median_processor_seconds']:.0f}",
            LEAST_RATIOS.get(name, ""),
        )
        for name, ratio in told["ratios"].items()
    ]
    head = ("times faster than", "median", "each round", "by processor time", "wanted")
    return table(head, lines)


def stages(told: Told) -> str:
    """Seconds per megapixel of each stage, one column per engine."""
    found = [c for c in told["contestants"] if c["kind"] == "stages"]
    names = list(dict.fromkeys(s["stage"] for c in found for s in c["rounds"][0]["stages"]))
    lines = [[name, *(_stage(c, name) for c in found)] for name in names]
    total = [f"{c['seconds_per_megapixel']:.3f}" for c in found]
    return table(["stage, s/MP", *(c["engine"] for c in found)], [*lines, ["all", *total]])


def _stage(contestant: Told, name: str) -> str:
    """Seconds per megapixel, and the share of the product that its networks reach."""
    each = [s for r in contestant["rounds"] for s in r["stages"] if s["stage"] == name]
    seconds = statistics.median(s["seconds"] for s in each) / contestant["megapixels"]
    shares = [s["share_of_peak"] for s in each if "share_of_peak" in s]
    return f"{seconds:.3f}" + (f" ({statistics.median(shares):.0%})" if shares else "")


def networks(told: Told) -> str:
    """Seconds per megapixel of each network alone, one column per engine."""
    found = [c for c in told["contestants"] if c["kind"] == "network"]
    engines = list(dict.fromkeys(c["engine"] for c in found))
    lines = []
    for name in dict.fromkeys(c["name"] for c in found):
        mine = {c["engine"]: c for c in found if c["name"] == name}
        gflop = next(iter(mine.values()))
        cells = [f"{mine[e]['seconds_per_megapixel']:.3f}" if e in mine else "" for e in engines]
        lines.append([name, f"{gflop['gflop'] / gflop['megapixels']:.0f}", *cells])
    return table(["network", "GFLOP/MP", *(f"{engine}, s/MP" for engine in engines)], lines)


def quality(told: Mapping[str, Mapping[str, float]]) -> str:
    """One table of what `quality.py` measured."""
    lines = [
        (check, name, f"{value:.4g}") for check, row in told.items() for name, value in row.items()
    ]
    return table(("check", "figure", "value"), lines)


def denoising(told: Told) -> str:
    """PSNR by the strength of white noise and method."""
    rows = told["psnr"]
    names = list(next(iter(rows.values())))
    lines = [(sigma, *(f"{row[name]:.2f}" for name in names)) for sigma, row in rows.items()]
    return f"{told['photos']} photos, PSNR in dB.\n\n" + table(("sigma", *names), lines)


def grey(told: Told) -> str:
    """Mean squared error over the photos, by network."""
    lines = [
        (name, f"{mean:.5f}", f"{told['median'][name]:.5f}") for name, mean in told["mse"].items()
    ]
    head = ("network", "mean squared error", "median")
    return f"{told['photos']} photos, severity {told['severity']:g}.\n\n" + table(head, lines)


FILM = {name: FIGURES[name] for name in ("psnr", "ssim", *COMPARED)} | {"s_per_mp": ("s/MP", 2)}


def film(told: Told) -> str:
    """What is left of film damage, by size of the photos and method."""
    lines = [
        (size, method, *(_number(row[name], digits) for name, (_, digits) in FILM.items()))
        for size, rows in told["sizes"].items()
        for method, row in rows.items()
    ]
    head = ("photos", "method", *(title for title, _ in FILM.values()))
    return f"{told['photos']} photos, severity {told['severity']:g}.\n\n" + table(head, lines)


def veils(told: Sequence[Told]) -> str:
    """For how many photos a veil is lifted and what it gains, by certainty and kind."""
    head = ("certainty", "veil", "photos", "lifted", "of these worse", "gain where lifted, dB")
    lines = [
        (
            f"{row['certainty']:g}",
            row["veil"],
            row["photos"],
            row["lifted"],
            row["worse"],
            f"{row['gain_db_where_lifted']:.2f}" if row["lifted"] else "",
        )
        for row in told
    ]
    return table(head, lines)


def judged(told: Sequence[Told]) -> str:
    """How many marks of each verdict are kept, by sensitivity."""
    head = ("sensitivity", "damage kept", "detail kept", "kept of which nobody can tell")
    drawn = "drawn" in told[0]
    head += ("drawn marks found", "of these large", "of all drawn pixels") if drawn else ()
    lines = [
        (
            row["sensitivity"],
            f"{row['damage_kept']} of {row['damage']}",
            f"{row['detail_kept']} of {row['detail']}",
            row["others_kept"],
            *(drawn_marks(row) if drawn else ()),
        )
        for row in told
    ]
    return f"{told[0]['photos']} photos.\n\n" + table(head, lines)


def drawn_marks(row: Told) -> tuple[str, ...]:
    """How many of the marks that a person drew are found, of the large ones, and of all pixels."""
    counts = (f"{row[f'{name}_found']} of {row[name]}" for name in ("drawn", "drawn_large"))
    return *counts, f"{row['drawn_area_found']:.1%}"


def strokes(told: Sequence[Told]) -> str:
    """What filling rough strokes leaves, as they are or looked into, by preset and brush."""
    head = ("damage", "brush beyond it, px", "painted", "damaged dB", "strokes filled dB")
    head += ("what is damaged in them dB", "told the true mask dB", "F1: strokes", "in them")
    names = ("damaged", "whole", "within", "exact")
    lines = [
        (
            row["preset"],
            row["brush_px"],
            f"{row['painted_share']:.1%}",
            *(f"{row[name]:.2f}" for name in names),
            *(f"{row[name]:.3f}" for name in ("f1_whole", "f1_within")),
        )
        for row in told
    ]
    return f"{told[0]['photos']} photos.\n\n" + table(head, lines)


def finer(told: Sequence[Told]) -> str:
    """How many marks of each verdict are kept, by how much the photos were enlarged."""
    head = ("enlarged", "sizes", "damage kept", "detail kept", "kept of which nobody can tell")
    names = ("enlarged", "sizes", "damage_kept", "detail_kept", "others_kept")
    return f"{told[0]['photos']} photos.\n\n" + table(
        head, [[row[n] for n in names] for row in told]
    )


def inpainting(told: Told) -> str:
    """PSNR inside the masks, and how far the first method is ahead."""
    head = ("method", "PSNR inside dB", "ours is ahead by dB", "s/MP")
    lines = [
        (
            name.replace("_", " "),
            f"{row['psnr']:.2f}",
            f"{row['ahead_of_it']:.2f}" if number else "",
            f"{row['seconds_per_megapixel']:.2f}",
        )
        for number, (name, row) in enumerate(told["methods"].items())
    ]
    return f"{told['photos']} photos.\n\n" + table(head, lines)


def evaluation(told: Told) -> str:
    """One table per kind of case: means with the 95 % interval of the photos, medians of cost."""
    about, summary = told["about"], told["summary"]
    facts, nets = about["facts"], about.get("networks", {})
    where = f"{facts.get('processor', 'unknown processor')}, {facts.get('engine', '')}"
    parts = [
        f"Aged by {facts.get('aged by')}, seed {facts.get('seed')}; {facts.get('library')}. "
        f"{about['software']} on {where}. In brackets the 95 % interval over photos.",
    ]
    for kind in dict.fromkeys(entry["kind"] for entry in summary):
        entries = [entry for entry in summary if entry["kind"] == kind]
        parts.append(f"**{kind}**\n\n{_entries(entries, nets)}")
    recall = [entry for entry in summary if entry["damage"].get("recall")]
    if recall:
        parts.append(f"**Defects found**\n\n{_recall(recall)}")
    return "\n\n".join(parts)


def _entries(entries: Sequence[Told], nets: Told) -> str:
    shown = [name for name in FIGURES if any(name in entry["figures"] for entry in entries)]
    pooled = [name for name in POOLED if any(name in entry["damage"] for entry in entries)]
    latent = [n for n in DISTANCES if any(n in entry.get("distance", {}) for entry in entries)]
    head = ["method", *(["parameters"] if nets else []), "aging", "photos"]
    head += [FIGURES[name][0] for name in shown]
    head += [POOLED[name][0] for name in pooled] + [DISTANCES[name][0] for name in latent]
    head += ["s/MP", "peak MiB"]
    lines = []
    for entry in entries:
        cells = [entry["method"], *([_parameters(nets, entry["method"])] if nets else [])]
        cells += [_aging(entry), str(entry["photos"])]
        cells += [_estimate(entry["figures"].get(name), FIGURES[name][1]) for name in shown]
        cells += [_number(entry["damage"].get(name), POOLED[name][1]) for name in pooled]
        cells += [_number(entry["distance"].get(name), DISTANCES[name][1]) for name in latent]
        rate = entry["cost"].get("megapixels_per_second")
        cells += [_number(1 / rate if rate else None, 3)]
        cells += [_number(entry["cost"].get("peak_memory_mib"), 0)]
        lines.append(cells)
    return table(head, lines)


def _parameters(nets: Told, method: str) -> str:
    return f"{nets[method]['parameters'] / 1e6:.2f} M" if method in nets else ""


def _recall(entries: Sequence[Told]) -> str:
    names = list(dict.fromkeys(name for e in entries for name in e["damage"]["recall"]))
    lines = []
    for entry in entries:
        known = entry["damage"]["recall"]
        cells = [
            f"{known[name]['recall']:.1%} of {known[name]['present']}" if name in known else ""
            for name in names
        ]
        lines.append([entry["method"], _aging(entry), *cells])
    return table(["method", "aging", *names], lines)


def baselines(told: Mapping[str, Told]) -> str:
    """What each network was given, and what it took."""
    lines = [
        (
            name,
            f"{one['parameters'] / 1e6:.2f} M",
            f"{one['steps']:,} x {one['batch']} x {one['side']} px",
            f"{one['processor_seconds'] / 60:.1f}" if "processor_seconds" in one else "",
        )
        for name, one in told.items()
    ]
    return table(("network", "parameters", "steps x crops", "minutes of one core"), lines)


def scaling(told: Told) -> str:
    """Cost by size and by threads."""
    lines = [
        (
            f"{run['megapixels']:.1f}",
            run["threads"],
            f"{run['seconds']:.1f}",
            f"{run['seconds_per_megapixel']:.3f}",
            f"{run['memory_mib']:,.0f}",
            f"{run['load']:.1f}",
        )
        for run in told["runs"]
    ]
    head = ("MP", "threads", "s", "s/MP", "peak MiB", "load before")
    return f"{machine(told)}.\n\n{table(head, lines)}"


def agreement(told: Told) -> str:
    """How far engines differ, and tiles from the whole."""
    engines = [
        (
            row["engines"],
            f"{row['within_2']:.3%}",
            f"{row['within_2_worst_photo']:.3%}",
            f"{row['difference_at_99.9_percent']:.2f}",
        )
        for row in told["engines"]
    ]
    head = ("engines", "pixels within 2/255", "worst photo", "99.9 % within, of 255")
    tiles = [
        (
            *(row["engine"], row["stage"], f"{row['256']:.1e}", f"{row['1024']:.1e}"),
            f"{row['above_1e-3']:.4%}",
        )
        for row in told["tiles"]
    ]
    columns = ("engine", "stage", "tiles of 256 to the whole", "of 1024", "samples above 1e-3")
    return (
        f"{told['photos']} photos, {machine(told)}.\n\n{table(head, engines)}\n\n"
        f"{table(columns, tiles)}"
    )


def speedups(told: Told) -> str:
    """What choosing tiles well saves, stage by stage."""
    lines = [
        (
            row["stage"],
            *(f"{seconds:.2f}" for seconds in row["seconds"]),
            f"{row['ratio']:.2f} ×",
            *(f"{read:.2f}" for read in row["read"]),
            f"{row['difference'] * 255:.2f}",
        )
        for row in told["stages"]
    ]
    reads = ("pixels read before, of the picture", "now")
    head = ("stage", "s before", "s now", "faster", *reads, "largest difference, of 255")
    return f"{told['megapixels']:.0f} MP, {machine(told)}.\n\n{table(head, lines)}"


STAGE_COLUMNS = (
    *("stage", "s/MP", "in networks", "share of the product", "by processor time", "GFLOP/MP"),
    "rest over one copy",
)


def roofline(told: Told) -> str:
    """The limits of the machine, and what each stage reaches of them."""
    parts = [f"{machine(told)}."]
    for one in told["runs"]:
        parts.append(
            f"{one['threads']} threads, {one['engine']}: matrix product "
            f"{one['gflops_per_second']:.0f} GFLOP/s, copy {one['copy_gb_per_second']:.1f} GB/s."
        )
        largest = one["sizes"][-1]
        lines = [_roofline_row(stage, largest["megapixels"]) for stage in largest["stages"]]
        parts.append(table(STAGE_COLUMNS, lines))
    sizes = [
        (
            one["threads"],
            f"{size['megapixels']:.1f}",
            f"{size['seconds']:.2f}",
            f"{size['seconds_per_megapixel']:.3f}",
        )
        for one in told["runs"]
        for size in one["sizes"]
    ]
    parts.append(table(("threads", "MP", "s", "s/MP"), sizes))
    return "\n\n".join(parts)


def _roofline_row(stage: Told, megapixels: float) -> Sequence[object]:
    known = "share_of_peak" in stage
    return (
        stage["stage"],
        f"{stage['seconds'] / megapixels:.3f}",
        f"{stage['share_in_networks']:.0%}",
        f"{stage['share_of_peak']:.0%}" if known else "",
        f"{stage['processor_share_of_peak']:.0%}" if known else "",
        f"{stage['gflop_per_megapixel']:.0f}",
        f"{stage['rest_over_one_copy']:.1f}",
    )


def on_paper(told: Told) -> str:
    """The plan for many photos."""
    found = plan(told, PHOTO_MEGAPIXELS, GPU_TFLOPS)
    lines = [
        (
            f"{row['photos']:.0e}".replace("e+0", "0^"),
            f"{row['core_hours']:,.0f}",
            f"{row['days_on_farm']:,.1f}",
            f"{row.get('gpu_hours', 0):,.0f}",
            f"{row.get('core_hours_beside_gpu', 0):,.0f}",
            f"{row['read_tb']:,.1f}",
            f"{row['written_tb']:,.1f}",
        )
        for row in found["photos"]
    ]
    head = ("photos", "core-hours", f"days on {FARM:,} cores", "or: GPU-hours")
    head += ("and core-hours", "TB read", "TB written")
    return (
        f"Photos of {found['photo_megapixels']:g} MP as JPEG. GPU-hours are assumed, not measured: "
        f"{found['gpu_tflops_assumed']:g} TFLOP/s sustained. {FARM:,} cores move "
        f"{found['farm_mb_per_second']:,.0f} MB/s.\n\n{table(head, lines)}"
    )


TABLES: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "goals": ("", goals),
    "quality": ("quality", quality),
    "inpainting": ("inpainting", inpainting),
    "denoising": ("denoising", denoising),
    "grey": ("grey", grey),
    "film": ("film", film),
    "veils": ("veils", veils),
    "judged": ("judged", judged),
    "strokes": ("strokes", strokes),
    "finer": ("finer", finer),
    "speed": ("speed", speed),
    "ratios": ("speed", ratios),
    "stages": ("speed", stages),
    "networks": ("speed", networks),
    "plan": ("speed", on_paper),
    "scaling": ("scaling", scaling),
    "roofline": ("roofline", roofline),
    "agreement": ("agreement", agreement),
    "speedups": ("speedups", speedups),
    "baselines": ("baselines", baselines),
    "evaluation": ("evaluation", evaluation),
}
"""The file that a table comes from (none: all of them), and what makes it."""


def table(head: Sequence[object], lines: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; bars within cells are escaped."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows
    )


def _aging(entry: Told) -> str:
    return f"{entry['preset']} {entry['severity']:g}" if entry["preset"] else ""


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _estimate(known: Mapping[str, float] | None, digits: int) -> str:
    if known is None:
        return ""
    low, high = (f"{known[end]:.{digits}f}" for end in ("low", "high"))
    return f"{known['mean']:.{digits}f} ({low} to {high})"


if __name__ == "__main__":
    main()
