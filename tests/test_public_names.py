"""What `import unfade` offers: checked in here, so that nothing comes or goes by accident."""

import inspect
from pathlib import Path

import pytest

import unfade

NAMES = (
    *("Changes", "Darkroom", "Equipment", "Job", "Outcome", "Photo", "Recipe", "__version__"),
    *("age", "choose_recipe", "detect", "errors", "inpaint", "load_recipe", "read", "restore"),
    *("run", "run_job", "run_jobs", "write"),
)


def test_the_public_names_are_these():
    assert sorted(unfade.__all__) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_can_be_loaded_and_is_listed(name):
    assert getattr(unfade, name) is not None
    assert name in dir(unfade)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "__version__"])
def test_every_public_name_is_documented(name):
    assert inspect.getdoc(getattr(unfade, name))


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="sharpen"):
        unfade.sharpen  # noqa: B018


def test_no_module_hides_a_public_function():
    functions = {name for name in NAMES if inspect.isfunction(getattr(unfade, name))}
    modules = {path.stem for path in Path(unfade.__file__).parent.iterdir()}
    assert functions.isdisjoint(modules)
