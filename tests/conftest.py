"""The networks that a developer added for himself are not part of the tests."""

import pytest


@pytest.fixture(autouse=True)
def _no_own_networks(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("UNFADE_MODELS", str(tmp_path_factory.getbasetemp() / "own-models"))
