"""Six small photos to learn from, and one thread to learn with."""

from __future__ import annotations

import importlib.util

import cv2
import numpy as np
import pytest

collect_ignore_glob = []
if importlib.util.find_spec("torch") and importlib.util.find_spec("lightning"):
    import torch

    torch.set_num_threads(1)
else:
    collect_ignore_glob.append("test_*.py")


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for index in range(6):
        small = rng.integers(0, 255, (12, 16, 3), np.uint8)
        picture = cv2.resize(small, (128, 96), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{index}.png"), picture)
    return folder
