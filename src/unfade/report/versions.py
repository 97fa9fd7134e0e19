"""What a photo was worked on with: versions of everything whose change could change a pixel."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from .. import __version__

PACKAGES = {
    "numpy": "numpy",
    "opencv": "opencv-python-headless",
    "openvino": "openvino",
    "onnxruntime": "onnxruntime",
    "pyvips": "pyvips",
    "libvips": "pyvips-binary",
}
"""Names in a sidecar, and the installed packages that tell the version."""


def versions(engines: tuple[str, ...] = ()) -> dict[str, str]:
    """Versions by name, with system and processor.

    Args:
        engines: Names of the engines that were used; the libraries of others are left out.
    """
    used = {engine.partition("-")[0] for engine in engines}
    names = [name for name in PACKAGES if name not in ("openvino", "onnxruntime") or name in used]
    libraries = {name: version for name in names if (version := _version(PACKAGES[name]))}
    return {
        "unfade": __version__,
        "python": platform.python_version(),
        **libraries,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": f"{processor()}, {os.cpu_count()} cores",
    }


def differences(then: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """Say in words which versions are not what they were."""
    names = [name for name in {**then, **here} if then.get(name) != here.get(name)]
    return [f"{name} {then.get(name, 'none')}, here {here.get(name, 'none')}" for name in names]


def processor() -> str:
    """The name of the processor: the same code can round differently on another one."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
