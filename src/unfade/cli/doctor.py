"""`unfade doctor`: what this machine has, and whether all is in order."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from .. import __version__
from .options import equipment, equipment_options, json_option

FEATURES = (
    *("sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni"),
    *("avx512_bf16", "amx_bf16", "amx_int8", "asimd", "bf16", "sve"),
)
LIBRARIES = (
    *("numpy", "opencv-python-headless", "openvino", "onnxruntime", "pyvips", "pyvips-binary"),
    *("scikit-image", "torch"),
)


@click.command()
@json_option
@equipment_options
@click.pass_context
def command(
    ctx: click.Context, as_json: bool, engine: str, threads: int, memory: int | None
) -> None:
    """Tell engine, precision, processor, memory, models and formats; exit code 1 if one is bad."""
    told = examine(engine, threads, memory)
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        for name, value in told.items():
            for line in _lines(value):
                click.echo(f"{name:<10} {line}")
                name = ""
    ctx.exit(int(bool(told["problems"])))


def examine(engine: str = "auto", threads: int = 0, memory: int | None = None) -> dict[str, Any]:
    """Look at everything; `problems` holds what is not in order."""
    problems: list[str] = []
    tools = equipment(engine, threads, memory)
    told: dict[str, Any] = {
        "unfade": f"{__version__}, Python "
        f"{platform.python_version()} on {platform.platform(terse=True)}",
        "processor": processor(),
        "memory": _memory(tools.memory),
        "engine": _try(lambda: _engine(engine, threads), problems),
        "engines": _engines(),
        "models": _try(lambda: _models(problems), problems),
        "formats": _try(_formats, problems),
        "libraries": {n: v for n in LIBRARIES if (v := metadata_version(n))},
        "scratch": _try(_scratch, problems),
    }
    return {**told, "problems": problems}


def processor() -> str:
    """Name of the processor, its cores, and the features that matter for speed."""
    name, flags = platform.processor() or platform.machine(), set[str]()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text("utf-8", "replace").splitlines():
            key, _, value = (part.strip() for part in line.partition(":"))
            if key == "model name":
                name = value
            elif key in ("flags", "Features"):
                flags |= set(value.split())
    seen = ", ".join(feature for feature in FEATURES if feature in flags)
    return f"{name}, {os.cpu_count()} cores" + (f" ({seen})" if seen else "")


def metadata_version(name: str) -> str:
    """The version of an installed package, or nothing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _try(look: Callable[[], Any], problems: list[str]) -> Any:
    from ..errors import UnfadeError

    try:
        return look()
    except (UnfadeError, OSError, ImportError) as error:
        problems.append(str(error))
        return f"problem: {error}"


def _engine(name: str, threads: int) -> str:
    from ..engines import open_engine

    opened = open_engine(name, threads=threads)
    number = f"{threads} thread{'' if threads == 1 else 's'}" if threads else ""
    return f"{opened.name}, {number or 'as many threads as it likes'}"


def _engines() -> dict[str, str]:
    from ..engines import ENGINES

    return {name: f"{about}{_missing(name)}" for name, about in ENGINES.items()}


def _missing(engine: str) -> str:
    package = engine.partition("-")[0]
    return "" if metadata_version(package) else f"; not installed: pip install {package}"


def _models(problems: list[str]) -> dict[str, str]:
    from ..models.zoo import Zoo

    found = Zoo().verify()
    problems += [problem for problem in found.values() if problem]
    if not found:
        problems.append("no models found; reinstall unfade")
    return {name: problem or "found and verified" for name, problem in found.items()}


def _formats() -> dict[str, str]:
    from ..io.formats import codecs, tiff_compressions
    from ..io.read import PHOTO_SUFFIXES

    version = metadata_version("pyvips-binary")
    found = codecs()
    return {
        "libvips": version or "of the system",
        "names looked for": " ".join(sorted(PHOTO_SUFFIXES)),
        "reads": _can({name: reads for name, (reads, _) in found.items()}),
        "writes": _can({name: writes for name, (_, writes) in found.items()}),
        "reads TIFF with": _can(tiff_compressions()),
    }


def _can(found: dict[str, bool]) -> str:
    """`JPEG, PNG; not HEIC`."""
    yes, no = ([name for name, is_so in found.items() if is_so is want] for want in (True, False))
    return "; ".join(filter(None, (", ".join(yes), f"not {', '.join(no)}" if no else "")))


def _memory(budget: int) -> str:
    told = f"budget {budget / 2**30:.1f} GiB"
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        told += f" of {there / 2**30:.1f} GiB"
    return told


def _scratch() -> str:
    import shutil
    import tempfile

    folder = tempfile.gettempdir()
    return f"{folder}, {shutil.disk_usage(folder).free / 2**30:.1f} GiB free"


def _lines(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{key}: {text}" for key, text in value.items()] or ["none"]
    if isinstance(value, list):
        return value or ["none"]
    return [str(value)]
