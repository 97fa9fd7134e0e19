"""Who may import whom: the floors of the house, and who alone knows which library."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "src" / "unfade"

FLOORS = """
    errors settings toml scratch | profile | photo color | tiling film metrics | fill | io engines
    | models medium | darkroom | recipe working | stages degrade | choose roll | pipeline | report
    | derivatives pairs | jobs evaluate | plan | batch survey | verbs replay | cluster train
    | cli web
"""
RANK = {name: rank for rank, floor in enumerate(FLOORS.split("|")) for name in floor.split()}
DEFINE_IN_INIT = {"engines", "evaluate", "metrics", "stages", "degrade", "train.nets"}
ALONE = {
    "openvino": "engines",
    "onnxruntime": "engines",
    "pyvips": "io",
    "c2pa": "report",
    "torch": "train",
    "lightning": "train",
}
EXEMPT = {"__init__", "__main__"}
FILES = sorted(
    path
    for path in HOUSE.rglob("*.py")
    if path.relative_to(HOUSE).with_suffix("").as_posix() not in EXEMPT
)


def imports(source: str, package: tuple[str, ...]) -> Iterator[tuple[str, str, bool]]:
    """Yield (absolute module, name taken from it or '', whether inside a function)."""

    def walk(node: ast.AST, inside: bool) -> Iterator[tuple[str, str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((alias.name, "", inside) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                above = package[: len(package) - child.level + 1] if child.level else ()
                module = ".".join([*above, *filter(None, [child.module])])
                yield from ((module, alias.name, inside) for alias in child.names)
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from walk(child, inside or function)

    yield from walk(ast.parse(source), False)


def complaints(source: str, file: str) -> list[str]:
    """What is wrong with the imports of a file of the house, such as `stages/denoise.py`."""
    parts = Path(file).with_suffix("").parts
    here = parts[0]
    found = []
    for module, name, inside in imports(source, ("unfade", *parts[:-1])):
        top, *rest = module.split(".")
        keeper = ALONE.get(top, here)
        if keeper != here:
            found.append(f"only {keeper} may import {top}")
        if top != "unfade" or (not rest and name == "__version__"):
            continue
        there = rest[0] if rest else name
        if here == "cli" and inside and there in ("train", "web"):
            continue
        if unknown := {here, there} - set(RANK):
            found.append(f"{', '.join(sorted(unknown))} stands on no floor")
        elif there != here and (there == "train" or RANK[there] >= RANK[here]):
            found.append(f"{here} may not know {there}")
        target = Path(*rest) if rest else Path()
        package = (HOUSE / target / "__init__.py").is_file() or not rest
        submodule = (HOUSE / target / f"{name}.py").is_file() or (HOUSE / target / name).is_dir()
        allowed = ".".join(rest) in DEFINE_IN_INIT
        if package and not allowed and not (name and submodule):
            found.append(f"{name or module} must be imported from its file, not from a package")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(HOUSE).as_posix())
def test_every_file_imports_only_from_the_floors_below(path):
    assert complaints(path.read_text("utf-8"), path.relative_to(HOUSE).as_posix()) == []


def test_every_file_stands_on_a_floor():
    homes = {path.relative_to(HOUSE).with_suffix("").parts[0] for path in FILES}
    assert homes - set(RANK) <= {"weights", "presets"}


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("photo.py", "from .pipeline import run"),
        ("photo.py", "def f():\n    from .pipeline import run"),
        ("photo.py", "from .color import luma"),
        ("photo.py", "from . import darkroom"),
        ("photo.py", "import unfade"),
        ("stages/denoise.py", "from ..degrade.capture import AddGrain"),
        ("degrade/damage.py", "from ..stages import STAGES"),
        ("stages/denoise.py", "from ..models import Model"),
        ("stages/denoise.py", "import torch.nn"),
        ("stages/denoise.py", "from ..train.nets import UNet"),
        ("models/model.py", "import openvino"),
        ("pipeline.py", "from pyvips import Image"),
        ("cli.py", "from .train.fit import fit"),
        ("cli.py", "from .helpers import x"),
        ("jobs/page.py", "from ..evaluate import evaluate"),
        ("train/fit.py", "import onnxruntime"),
    ],
)
def test_a_forbidden_import_is_noticed(file, source):
    assert complaints(source, file)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("stages/denoise.py", "from ..photo import Photo\nimport numpy as np"),
        ("stages/denoise.py", "from .damage import DetectDamage"),
        ("pipeline.py", "from .stages import STAGES"),
        ("darkroom.py", "from .engines import open_engine"),
        ("cli.py", "def f():\n    from .train.fit import fit\n    from .web.app import app"),
        ("report.py", "from . import __version__"),
        ("train/nets.py", "import torch"),
    ],
)
def test_an_allowed_import_passes(file, source):
    assert complaints(source, file) == []
