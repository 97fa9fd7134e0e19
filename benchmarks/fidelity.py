"""Is the same picture restored alike, in whatever encoding it is stored?

    python benchmarks/fidelity.py DATA [--photos 12]

Photos of DATA are aged, stored with 16 bits in each encoding, and restored from file to file with
the recipe `print`. Shown is the mean CIEDE2000 between each result and that of the sRGB file, both
brought to sRGB, over all photos and at worst; photos are kept within sRGB and eciRGB, so that every
encoding holds the same colors. Grey encodings are compared with sRGB grey.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from unfade.choose import load_recipe
from unfade.color import luma, to_lab
from unfade.darkroom import Darkroom
from unfade.degrade import draw_aging
from unfade.io.icc import write_profile
from unfade.io.read import can_read, read
from unfade.io.write import write
from unfade.jobs.job import Job
from unfade.jobs.outcome import State
from unfade.jobs.run import run_job
from unfade.metrics import ciede2000
from unfade.photo import Metadata, Photo
from unfade.pipeline import run
from unfade.profile import ADOBE_RGB, SRGB, Curve, Profile, from_srgb, to_srgb

ROMM = ((0.79767, 0.13519, 0.03135), (0.28804, 0.71187, 0.00009), (0.0, 0.0, 0.82491))
ECI = ((0.65026, 0.17807, 0.13596), (0.32025, 0.60206, 0.07769), (0.0, 0.06784, 0.75712))
L_STAR = Curve(3, 1 / 1.16, 0.16 / 1.16, 1 / 9.033, 0.08)
COLOR = {
    "sRGB": None,
    "Adobe RGB": ADOBE_RGB,
    "ProPhoto (ROMM)": Profile("ROMM RGB", (Curve(1.8, 1, 0, 1 / 16, 1 / 32),) * 3, ROMM),
    "eciRGB v2": Profile("eciRGB v2", (L_STAR,) * 3, ECI),
    "linear scanner": Profile("linear", (Curve(),) * 3, SRGB.primaries),
}
GREY = {
    "grey sRGB": None,
    "Gray gamma 2.2": Profile("Gray gamma 2.2", (Curve(2.2),)),
    "grey linear": Profile("grey linear", (Curve(),)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--photos", type=int, default=12)
    args = parser.parse_args()
    paths = [path for path in sorted(args.data.rglob("*")) if can_read(path)][: args.photos]
    darkroom, differences = Darkroom(threads=1), {}
    for number, path in enumerate(paths):
        aged = age(read(path), number, darkroom)
        grey = luma(aged)[:, :, None]
        for pixels, encodings in ((aged, COLOR), (grey, GREY)):
            results = {name: restore(pixels, encodings[name], darkroom) for name in encodings}
            reference = next(iter(results.values()))
            for name, result in results.items():
                delta = ciede2000(to_lab(result), to_lab(reference)).mean()
                changed = ciede2000(to_lab(result), to_lab(pixels)).mean()
                differences.setdefault(name, []).append((delta, changed))
    print("encoding | mean dE2000 | worst photo | restoring changed, mean dE2000")
    for name, rows in differences.items():
        delta, changed = np.asarray(rows).T
        print(f"{name} | {delta.mean():.3f} | {delta.max():.3f} | {changed.mean():.2f}")


def age(clean: Photo, seed: int, darkroom: Darkroom) -> np.ndarray:
    aging = draw_aging(np.random.default_rng(seed), "print-color", 0.5, size=clean.size)
    pixels = np.clip(run(clean, aging, darkroom).pixels, 0, 1)
    return held_by(COLOR["eciRGB v2"], pixels) if pixels.shape[2] == 3 else pixels


def held_by(profile: Profile | None, pixels: np.ndarray) -> np.ndarray:
    """The colors of sRGB nearest to a picture's that a profile holds, too: by turns of clipping."""
    for _ in range(20):
        pixels = to_srgb(np.clip(from_srgb(pixels, profile), 0, 1), profile)
        pixels = np.clip(pixels, 0, 1).astype(np.float32)
    return pixels


def restore(pixels: np.ndarray, profile: Profile | None, darkroom: Darkroom) -> np.ndarray:
    """Store, restore, read, and bring to sRGB."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "scan.tif", Path(folder) / "out.tif"
        fields = {"icc-profile-data": write_profile(profile)} if profile else {}
        metadata = Metadata(bits=16, profile=profile, fields=fields)
        stored = np.clip(from_srgb(pixels, profile), 0, 1)
        write(Photo(stored, metadata=metadata), source)
        outcome = run_job(Job(str(source), str(target), load_recipe("print")), darkroom)
        if outcome.state is not State.DONE:
            raise SystemExit(outcome.message)
        result = read(target)
    return np.clip(to_srgb(result.pixels, result.metadata.profile), 0, 1)


if __name__ == "__main__":
    main()
