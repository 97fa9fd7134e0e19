"""Who is asked: a recipe, a classical baseline, a foreign program, or the files it left."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from ..choose import Changes, load_recipe, recipe_for
from ..darkroom import Darkroom
from ..errors import EvaluationError
from ..io.read import can_read
from ..io.write import write
from ..models.zoo import checksum
from ..photo import Mask, Metadata, Photo, Pixels
from ..pipeline import run
from ..recipe import Recipe
from ..stages.damage import DetectDamage
from .baselines import BASELINES
from .cases import Case, Question, read_srgb
from .cost import Cost, measured, resource_bytes
from .damage import look_for_damage

BASELINE = "baseline:"
AUTO = "auto"
TIMEOUT = 600.0


@dataclasses.dataclass(frozen=True, eq=False)
class Answer:
    """What a method makes of a question.

    Attributes:
        pixels: (H, W, C) in sRGB.
        cost: What it took; None for files that were there already.
        probability: (H, W) how likely each pixel is damaged, if the method can tell.
        marks: (H, W) what it marks as damaged, before marks are grown.
        mask: (H, W) what it filled.
        recipe: The recipe, where one was chosen.
    """

    pixels: Pixels
    cost: Cost | None = None
    probability: NDArray[np.float32] | None = None
    marks: Mask | None = None
    mask: Mask | None = None
    recipe: str = ""


class Method(Protocol):
    """Something that restores: called with a question, it answers.

    Attributes:
        name: How tables call it; distinct within an evaluation.
        works: Whether it works on what it is given, and not only shows what lies there.
    """

    @property
    def name(self) -> str: ...

    @property
    def works(self) -> bool: ...

    def fingerprint(self, case: Case) -> str:
        """What decides its answer beside the case, as text: equal ones may be kept."""
        ...

    def __call__(self, question: Question, darkroom: Darkroom) -> Answer:
        """Answer; what is not asked for (reading, writing of results) is not in its cost."""
        ...


@dataclasses.dataclass(frozen=True)
class RunRecipe:
    """A recipe of this package; None measures each photo and chooses."""

    works: ClassVar[bool] = True

    name: str
    recipe: Recipe | None = None
    changes: Changes = dataclasses.field(default_factory=Changes)

    def fingerprint(self, case: Case) -> str:
        text = self.recipe.to_toml() if self.recipe is not None else AUTO
        return f"recipe {text} {self.changes}"

    def __call__(self, question: Question, darkroom: Darkroom) -> Answer:
        with measured() as cost:
            recipe, _ = recipe_for(question.given, darkroom, self.recipe, self.changes)
            photo = run(question.given, recipe, darkroom)
        answer = Answer(photo.pixels, cost, mask=photo.damage, recipe=recipe.name)
        if not any(isinstance(stage, DetectDamage) for stage in recipe):
            return answer
        probability, marks = look_for_damage(question.given, recipe.stages, darkroom)
        return dataclasses.replace(answer, probability=probability, marks=marks)


@dataclasses.dataclass(frozen=True)
class RunBaseline:
    """A classical method of `baselines.BASELINES`."""

    works: ClassVar[bool] = True

    name: str

    def fingerprint(self, case: Case) -> str:
        return f"baseline {self.name}"

    def __call__(self, question: Question, darkroom: Darkroom) -> Answer:
        baseline = BASELINES[self.name]
        with measured() as cost:
            mask = baseline.mask_for(question, darkroom)
            pixels = baseline.restore(question.given.pixels, mask)
        return Answer(np.clip(pixels, 0, 1).astype(np.float32), cost, mask=mask)


@dataclasses.dataclass(frozen=True)
class RunCommand:
    """A foreign program, run once per photo on PNG files.

    Attributes:
        template: Its command line; `{input}` and `{output}` stand for the files.
        timeout: Seconds after which it is ended, with all that it started.
    """

    works: ClassVar[bool] = True

    name: str
    template: str
    timeout: float = TIMEOUT

    def __post_init__(self) -> None:
        if "{input}" not in self.template or "{output}" not in self.template:
            raise EvaluationError(
                f"a command must hold {{input}} and {{output}}, got {self.template!r}"
            )
        split_command(self.template)

    def fingerprint(self, case: Case) -> str:
        first, *others = split_command(self.template)
        found = shutil.which(first)
        program = content(Path(found)) if found else "missing"
        files = (content(path) for path in _files_in(others))
        return " ".join(("command", self.template, program, *files))

    def __call__(self, question: Question, darkroom: Darkroom) -> Answer:
        with tempfile.TemporaryDirectory(prefix="unfade-") as folder:
            source, target = Path(folder) / "input.png", Path(folder) / "output.png"
            bits = 16 if question.given.metadata.bits > 8 else 8
            write(Photo(question.given.pixels, metadata=Metadata(bits=bits)), source)
            words = [
                word.replace("{input}", str(source)).replace("{output}", str(target))
                for word in split_command(self.template)
            ]
            cost = self._run(words, Path(folder) / "said.txt")
            if not target.is_file():
                raise EvaluationError(f"{self.name}: it ended well but wrote no {target.name}")
            return Answer(read_srgb(target, darkroom).pixels, cost)

    def _run(self, words: list[str], said: Path) -> Cost:
        late = threading.Event()

        def end() -> None:
            late.set()
            _end(process)

        with said.open("wb") as log, measured() as cost:
            # In a session of its own, so that what it started ends with it.
            process = subprocess.Popen(
                words, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
            timer = threading.Timer(self.timeout, end)
            timer.start()
            try:
                cost_of_child = _wait(process)
            except BaseException:
                # Ctrl-C does not reach another session.
                _end(process)
                raise
            finally:
                timer.cancel()
        if process.returncode:
            tail = " ".join(said.read_text("utf-8", "replace").split())[-300:]
            why = f"it ended with {process.returncode}"
            if late.is_set():
                why = f"it took longer than {self.timeout:g} s and was ended; see --timeout"
            raise EvaluationError(f"{self.name}: {why}: {tail}".removesuffix(": "))
        return Cost(cost.seconds, cost_of_child)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that was started in its own session, and all that it started there."""
    if sys.platform == "win32":
        # Ends the tree below it, where Windows knows no sessions.
        words = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    """Wait for a child; the peak of its memory in bytes, or None where the system does not say."""
    if not hasattr(os, "wait4"):
        process.wait()
        return None
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return resource_bytes(usage.ru_maxrss)


@dataclasses.dataclass(frozen=True)
class TakeFiles:
    """What another tool left in a folder, under the names of the photos it was given."""

    works: ClassVar[bool] = False

    name: str
    folder: Path

    def fingerprint(self, case: Case) -> str:
        return f"file {checksum(self._find(case))}"

    def __call__(self, question: Question, darkroom: Darkroom) -> Answer:
        return Answer(read_srgb(self._find(question.case), darkroom).pixels)

    def _find(self, case: Case) -> Path:
        place = self.folder / case.name
        beside = sorted(place.parent.iterdir()) if place.parent.is_dir() else []
        same = [path for path in beside if path.stem == place.stem and can_read(path)]
        found = [path for path in (place, *same) if path.is_file()]
        if not found:
            raise EvaluationError(f"{self.name}: no result {case.name} in {self.folder}")
        return found[0]


def _files_in(words: Iterable[str]) -> Iterator[Path]:
    """The files that words of a command name, alone or behind a `=`: scripts, weights."""
    for word in words:
        for part in (word, word.partition("=")[2]):
            # A word may be longer than a name can be.
            with contextlib.suppress(OSError):
                if part and Path(part).is_file():
                    yield Path(part)


def content(path: Path) -> str:
    """The checksum of a file, kept as long as it seems unchanged: many cases ask for it."""
    return _content_then(path, *changed(path))


def changed(path: Path) -> tuple[int, int]:
    """When a file was changed, in nanoseconds, and its size in bytes."""
    told = path.stat()
    return told.st_mtime_ns, told.st_size


@functools.lru_cache(maxsize=4096)
def _content_then(path: Path, changed_ns: int, size: int) -> str:
    return checksum(path)


def make_method(word: str, changes: Changes | None = None) -> Method:
    """Make a method of a word: `auto`, a recipe's name or file, or `baseline:NAME`.

    Raises:
        EvaluationError: No such baseline.
        RecipeError: No such recipe, or changes that do not fit.
    """
    wanted = changes or Changes()
    if word.startswith(BASELINE):
        name = word.removeprefix(BASELINE)
        if name not in BASELINES:
            raise EvaluationError(f"no baseline {name!r}; known: {', '.join(BASELINES)}")
        return RunBaseline(name)
    if word == AUTO:
        return RunRecipe(AUTO, None, wanted)
    recipe = load_recipe(word)
    wanted.apply(recipe)
    return RunRecipe(recipe.name, recipe, wanted)


def split_command(text: str, windows: bool = os.name == "nt") -> list[str]:
    """Split a command line into words; quotes keep spaces together and are taken away.

    Args:
        text: As a person typed it.
        windows: A backslash parts folders there, where elsewhere it quotes what follows.
    Raises:
        EvaluationError: A quote that is not closed.
    """
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    if windows:
        lexer.escape = ""
    try:
        return list(lexer)
    except ValueError as error:
        raise EvaluationError(
            f"a command must be one that can be split into words, got {text!r}: {error}"
        ) from error


def name_of(text: str) -> str:
    """A short name of a command: program and first argument, with a mark of the whole.

    An interpreter does not count: `python tool.py fast {input} {output}` is `tool-fast-` and the
    mark.
    """
    words = [Path(word).stem for word in split_command(text) if word[:1] not in ("-", "{")]
    if words[1:] and INTERPRETER.fullmatch(words[0]):
        del words[0]
    name = "-".join(words[:2]) or "command"
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:4]}"


INTERPRETER = re.compile(r"python[\d.]*|bash|sh|node|Rscript")
