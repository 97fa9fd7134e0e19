"""What holds for all tests."""

import pytest
from hypothesis import settings

# A busy machine is slow, and that says nothing about the code.
settings.register_profile("unfade", deadline=None)
settings.load_profile("unfade")


@pytest.fixture(autouse=True)
def _no_own_networks(tmp_path_factory, monkeypatch):
    """The networks that a developer added for himself are not part of the tests."""
    monkeypatch.setenv("UNFADE_MODELS", str(tmp_path_factory.getbasetemp() / "own-models"))
