"""What a batch meets on real disks: does anything get lost, torn or done twice?

    python benchmarks/obstacles.py --source FOLDER [--photos 6]

Real runs of `unfade restore`: a photo and an output folder without rights (root, who may do all,
gives up that right with setpriv), photos that vanish during the run, two runs at once, a disk that
is full (a small tmpfs, which only root can mount) and files from 1970 and 2100. Every
result must be the one of an undisturbed run or not be there, what went wrong must be one clear
line, and the same command must finish the work once the obstacle is gone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from faults import done, make_photos, torn
from unfade.batch.ledger import FOLDER

RIGHTLESS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Before a command: root may then read and write only what the rights of a file say."""

Run = subprocess.Popen[str]
OPTIONS = ["--threads", "1", "--engine", "openvino-fp32"]


class Stage:
    """Where all runs take place, and what was wrong."""

    def __init__(self, folder: Path, source: Path, count: int) -> None:
        self.folder, self.count = folder, count
        self.before = RIGHTLESS if os.geteuid() == 0 else ()
        self.plain, self.truth = folder / "plain", folder / "truth"
        self.plain.mkdir()
        make_photos(source, self.plain, count, 256)
        self.wrong: list[str] = []
        self.run(self.plain, self.truth)

    def fresh(self, name: str) -> tuple[Path, Path]:
        """Photos of its own, and an output folder."""
        photos, out = self.folder / name, self.folder / f"{name}-out"
        shutil.copytree(self.plain, photos)
        out.mkdir()
        return photos, out

    def begin(self, photos: Path, out: Path) -> Run:
        """Start a run."""
        words = ["restore", str(photos), "-o", str(out), *OPTIONS]
        return subprocess.Popen(
            [*self.before, sys.executable, "-m", "unfade", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, photos: Path, out: Path) -> tuple[int, str]:
        """Run to the end: the exit code, and what was said."""
        process = self.begin(photos, out)
        said, _ = process.communicate()
        self.check("Traceback" not in said, f"a traceback: {said[-300:]}")
        return process.returncode, said

    def check(self, right: bool, what: str) -> None:
        if not right:
            self.wrong.append(what)

    def check_whole(self, photos: Path, out: Path) -> None:
        """All results are there and right, each done once, and nothing else is left."""
        bad = torn(out, self.truth)
        self.check(not bad, f"{out.name}: torn or wrong: {bad}")
        there, wanted = {p.name for p in out.glob("*.png")}, {p.name for p in photos.glob("*.png")}
        self.check(there == wanted, f"{out.name}: {sorted(there)} instead of {sorted(wanted)}")
        left = [p.name for p in out.glob(".*") if p.is_file()]
        left += [p.name for p in out.glob("*.part")]
        self.check(not left, f"{out.name}: left over: {left}")


def unreadable(stage: Stage) -> str:
    """A photo that may not be read fails alone, and is done when it may."""
    photos, out = stage.fresh("unreadable")
    closed = photos / "001.png"
    closed.chmod(0)
    code, said = stage.run(photos, out)
    stage.check(code == 1 and "Permission denied" in said, f"unreadable: {code}, {said[-300:]}")
    stage.check(len(done(out)) == stage.count - 1, "unreadable: not all others were done")
    closed.chmod(0o644)
    code, said = stage.run(photos, out)
    stage.check(code == 0 and "1 done" in said, f"readable again: {code}, {said[-300:]}")
    stage.check_whole(photos, out)
    return "a photo without rights fails alone, and is done once it has them"


def read_only(stage: Stage) -> str:
    """A folder that may not be written to is one clear line, and nothing is in it."""
    photos, out = stage.fresh("read-only")
    out.chmod(0o500)
    code, said = stage.run(photos, out)
    stage.check(code == 1 and "choose a folder" in said, f"read-only: {code}, {said[-300:]}")
    stage.check(not any(out.iterdir()), "read-only: something was written")
    out.chmod(0o700)
    photos.chmod(0o500)
    code, said = stage.run(photos, out)
    stage.check(code == 0, f"writable again: {code}, {said[-300:]}")
    stage.check_whole(photos, out)
    return "a read-only folder is one line; photos in one are restored"


def vanishing(stage: Stage) -> str:
    """Photos taken away during the run fail, and the others are done."""
    photos, out = stage.fresh("vanishing")
    process = stage.begin(photos, out)
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if " -> " in line:
            for path in sorted(photos.glob("*.png"))[-2:]:
                path.unlink()
            break
    said += process.stdout.read()
    code = process.wait()
    stage.check(
        code == 1 and said.count("failed: ") == 2 and "No such" in said,
        f"vanishing: {code}, {said[-400:]}",
    )
    stage.check_whole(photos, out)
    return "photos that vanish during the run fail, the others are done"


def two_at_once(stage: Stage) -> str:
    """Two runs on one folder share the work and do nothing twice."""
    photos, out = stage.fresh("two")
    runs = [stage.begin(photos, out) for _ in range(2)]
    ends = [(run.communicate()[0], run.returncode) for run in runs]
    stage.check(all(code == 0 for _, code in ends), f"two at once: {ends}")
    attempts = done(out)
    stage.check(
        len(attempts) == stage.count and set(attempts.values()) == {1},
        f"two at once: attempts {attempts}",
    )
    stage.check_whole(photos, out)
    return "two runs at once do each photo once"


def full_disk(stage: Stage) -> str:
    """On a full disk photos fail and leave nothing; with more room the same command ends it."""
    if os.geteuid() != 0:
        return "full disk: not tried, only root can mount a tmpfs"
    photos, out = stage.fresh("full")
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(out)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        return "full disk: not tried, a tmpfs cannot be mounted here"
    try:
        code, said = stage.run(photos, out)
        stage.check(code == 1 and "space" in said.lower(), f"full disk: {code}, {said[-300:]}")
        left = [p.name for p in out.rglob("*") if p.is_file() and FOLDER not in p.parts]
        whole = set(done(out))
        stage.check(
            {name for name in left if name.endswith(".png")} <= whole,
            f"full disk: left over {left}",
        )
        stage.check(not torn(out, stage.truth), "full disk: torn results")
        first = len(whole)
        subprocess.run(["mount", "-o", "remount,size=50m", str(out)], check=True)
        code, said = stage.run(photos, out)
        stage.check(code == 0, f"room again: {code}, {said[-300:]}")
        stage.check_whole(photos, out)
    finally:
        subprocess.run(["umount", str(out)], check=False)
    return f"full disk: {stage.count - first} of {stage.count} failed and left nothing; then done"


def odd_times(stage: Stage) -> str:
    """Photos from 1970 and 2100 are done once, whatever the clock says."""
    photos, out = stage.fresh("times")
    for path, seconds in zip(sorted(photos.iterdir()), (0, 1, 4102444800), strict=False):
        os.utime(path, (seconds, seconds))
    code, said = stage.run(photos, out)
    stage.check(code == 0, f"odd times: {code}, {said[-300:]}")
    code, said = stage.run(photos, out)
    stage.check(f"{stage.count} skipped" in said, f"odd times: {said[-300:]}")
    stage.check_whole(photos, out)
    return "photos from 1970 and 2100 are done once"


OBSTACLES: tuple[Callable[[Stage], str], ...] = (
    *(unreadable, read_only, vanishing, two_at_once, full_disk, odd_times),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=6)
    names = [obstacle.__name__ for obstacle in OBSTACLES]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unfade-obstacles-") as folder:
        stage = Stage(Path(folder), options.source, options.photos)
        for obstacle in (each for each in OBSTACLES if each.__name__ in options.only):
            before = len(stage.wrong)
            told = obstacle(stage)
            print(f"{'ok' if len(stage.wrong) == before else 'WRONG'}: {told}", flush=True)
    for line in stage.wrong:
        print(line)
    return int(bool(stage.wrong))


if __name__ == "__main__":
    sys.exit(main())
