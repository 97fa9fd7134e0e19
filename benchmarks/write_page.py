"""Write the tables of docs/benchmarks.md from measured JSON; no figure is typed by hand.

    python benchmarks/write_page.py [--page docs/benchmarks.md] [--quality quality.json]
        [--evaluation folder/evaluation.json ...] [--roofline roofline.json] [--note TEXT]

The files are those of `quality.py --json`, `unfade evaluate -o folder` and `roofline.py --json`.
The tables stand between two marks in the page and are replaced as a whole; a page without marks
gets them at its end. All else in the page stays as it is.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

BEGIN = "<!-- tables: written by benchmarks/write_page.py, not by hand -->"
END = "<!-- end of tables -->"

FIGURES = {
    "psnr": ("PSNR dB", 2),
    "psnr_gain": ("gain dB", 2),
    "psnr_inside": ("inside", 2),
    "psnr_near": ("near", 2),
    "psnr_outside": ("outside", 2),
    "ssim": ("SSIM", 4),
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

DISTANCES = {"frechet": ("Fréchet", 2), "sliced_wasserstein": ("sliced Wasserstein", 4)}

STAGE_COLUMNS = (
    *("stage", "s/MP", "in networks", "share of the product", "by processor time", "GFLOP/MP"),
    "rest over one copy",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--page", type=Path, default=Path("docs/benchmarks.md"))
    parser.add_argument("--quality", type=Path)
    parser.add_argument("--evaluation", type=Path, nargs="*", default=[])
    parser.add_argument("--roofline", type=Path)
    parser.add_argument("--note", default="", help="a sentence above the tables, such as the load")
    args = parser.parse_args()
    parts = [args.note] if args.note else []
    if args.quality:
        parts.append(quality(load(args.quality)))
    parts += [evaluation(load(path)) for path in args.evaluation]
    if args.roofline:
        parts.append(roofline(load(args.roofline)))
    if not parts:
        parser.error("name at least one JSON file")
    text = args.page.read_text("utf-8")
    args.page.write_text(replaced(text, "\n\n".join(parts)), "utf-8")


def load(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def replaced(page: str, tables: str) -> str:
    """Put tables between the marks of a page."""
    block = f"{BEGIN}\n\n{tables}\n\n{END}\n"
    if BEGIN not in page:
        return f"{page.rstrip()}\n\n{block}"
    before, _, rest = page.partition(BEGIN)
    if END not in rest:
        raise SystemExit(f"the page has the mark {BEGIN!r} but not {END!r}")
    return before + block + rest.partition(END)[2].lstrip("\n")


def quality(told: Mapping[str, Mapping[str, float]]) -> str:
    """One table of what `quality.py` measured."""
    lines = [
        (check, name, f"{value:.4g}") for check, row in told.items() for name, value in row.items()
    ]
    return "### Checks of quality\n\n" + table(("check", "figure", "value"), lines)


def evaluation(told: Mapping[str, Any]) -> str:
    """One table per kind of case: means with the 95 % interval of the photos, medians of cost."""
    about, summary = told["about"], told["summary"]
    facts = about["facts"]
    machine = f"{facts.get('processor', 'unknown processor')}, {facts.get('engine', '')}"
    parts = [
        f"### {about['title']}",
        f"Aged by {facts.get('aged by')}, seed {facts.get('seed')}; {facts.get('library')}. "
        f"{about['software']} on {machine}. In brackets the 95 % interval over photos.",
    ]
    for kind in dict.fromkeys(entry["kind"] for entry in summary):
        entries = [entry for entry in summary if entry["kind"] == kind]
        parts.append(f"**{kind}**\n\n{_entries(entries)}")
    recall = [entry for entry in summary if entry["damage"].get("recall")]
    if recall:
        parts.append(f"**Defects found**\n\n{_recall(recall)}")
    return "\n\n".join(parts)


def _entries(entries: Sequence[Mapping[str, Any]]) -> str:
    shown = [name for name in FIGURES if any(name in entry["figures"] for entry in entries)]
    pooled = [
        name
        for name in ("roc_auc", "average_precision")
        if any(name in entry["damage"] for entry in entries)
    ]
    head = ["method", "aging", "photos", *(FIGURES[name][0] for name in shown)]
    latent = [n for n in DISTANCES if any(n in entry.get("distance", {}) for entry in entries)]
    head += [{"roc_auc": "ROC AUC", "average_precision": "AP"}[name] for name in pooled]
    head += [*(DISTANCES[name][0] for name in latent), "MP/s", "peak MiB"]
    lines = []
    for entry in entries:
        cells = [entry["method"], _aging(entry), str(entry["photos"])]
        cells += [_estimate(entry["figures"].get(name), FIGURES[name][1]) for name in shown]
        cells += [_number(entry["damage"].get(name), 3) for name in pooled]
        cells += [_number(entry["distance"].get(name), DISTANCES[name][1]) for name in latent]
        cells += [_number(entry["cost"].get("megapixels_per_second"), 2)]
        cells += [_number(entry["cost"].get("peak_memory_mib"), 0)]
        lines.append(cells)
    return table(head, lines)


def _recall(entries: Sequence[Mapping[str, Any]]) -> str:
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


def roofline(told: Mapping[str, Any]) -> str:
    """The limits of the machine, what each stage reaches, and how the cost grows."""
    load_of = f", load {told['load']:.1f}" if told.get("load") is not None else ""
    parts = [f"### Against the limits of the machine\n\n{told['machine']['processor']}{load_of}."]
    for one in told["runs"]:
        parts.append(
            f"{one['threads']} threads, {one['engine']}: matrix product "
            f"{one['gflops_per_second']:.0f} GFLOP/s, copy {one['copy_gb_per_second']:.1f} GB/s."
        )
        largest = one["sizes"][-1]
        parts.append(
            table(
                STAGE_COLUMNS,
                [
                    (
                        stage["stage"],
                        f"{stage['seconds'] / largest['megapixels']:.3f}",
                        f"{stage['share_in_networks']:.0%}",
                        f"{stage['share_of_peak']:.0%}" if "share_of_peak" in stage else "",
                        f"{stage['processor_share_of_peak']:.0%}"
                        if "processor_share_of_peak" in stage
                        else "",
                        f"{stage['gflop_per_megapixel']:.0f}",
                        f"{stage['rest_over_one_copy']:.1f}",
                    )
                    for stage in largest["stages"]
                ],
            )
        )
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
    hours = "; ".join(f"{n} photos: {h:,.0f}" for n, h in told["plan"]["core_hours"].items())
    parts.append(
        f"On paper, core-hours for photos of {told['plan']['photo_megapixels']:g} MP, restoring "
        f"only: {hours}."
    )
    return "\n\n".join(parts)


def table(head: Sequence[object], lines: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; bars within cells are escaped."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows
    )


def _aging(entry: Mapping[str, Any]) -> str:
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
