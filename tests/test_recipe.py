"""Stages in order, in and out of TOML, and every mistake named."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfade.errors import RecipeError
from unfade.photo import Edit, Origin
from unfade.recipe import Finding, Recipe, Stage, make_stage, settings_values
from unfade.settings import check_settings, setting


@dataclasses.dataclass(frozen=True)
class Lighten:
    name = "lighten"
    invents = False
    marks = Origin.TONE
    strength: float = setting(0.5, "How much.", low=0, high=1)
    method: str = setting("soft", "In words.")
    careful: bool = setting(True, "Spare the whites.")
    band: tuple[float, ...] = setting((0.1, 0.9), "Tones.", low=0, high=1)

    def __post_init__(self):
        check_settings(self)

    def look(self, photo, darkroom):
        return Finding(True, "always")

    def __call__(self, photo, darkroom):
        return Edit()


@dataclasses.dataclass(frozen=True)
class Turn:
    name = "turn"
    invents = False
    marks = Origin.TONE
    times: int = setting(1, "Quarter turns.", low=0, high=3)

    def __post_init__(self):
        check_settings(self)

    def look(self, photo, darkroom):
        return Finding(True, "always")

    def __call__(self, photo, darkroom):
        return Edit()


KNOWN = {"lighten": Lighten, "turn": Turn}
RECIPE = Recipe("print", (Lighten(), Turn(2), Lighten(strength=0.1)), "for prints")


def names(recipe):
    return [stage.name for stage in recipe]


def test_a_class_of_settings_with_a_call_is_a_stage():
    assert isinstance(Lighten(), Stage)


@given(
    strength=st.floats(0, 1),
    method=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f")),
    careful=st.booleans(),
    band=st.lists(st.floats(0, 1), min_size=1).map(tuple),
    times=st.integers(0, 3),
)
def test_a_recipe_comes_back_from_toml_as_it_went(strength, method, careful, band, times):
    recipe = Recipe("a", (Lighten(strength, method, careful, band), Turn(times)), method)
    assert Recipe.from_toml(recipe.to_toml(), KNOWN) == recipe


def test_numbers_drawn_by_numpy_are_written_as_numbers():
    recipe = Recipe("a", (Lighten(strength=np.float64(0.25)),))
    assert Recipe.from_toml(recipe.to_toml(), KNOWN).stages[0].strength == 0.25


def test_settings_left_out_take_their_defaults():
    recipe = Recipe.from_toml('[[stage]]\nuse = "lighten"\nstrength = 0.2', KNOWN)
    assert recipe.stages == (Lighten(strength=0.2),)


def test_one_number_stands_for_a_list_of_one():
    recipe = Recipe.from_toml('[[stage]]\nuse = "lighten"\nband = 0.2', KNOWN)
    assert recipe.stages == (Lighten(band=(0.2,)),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name =", "must be TOML"),
        ('[[stage]]\nuse = "sharpen"', r"no stage 'sharpen'; known: lighten, turn"),
        ("[[stage]]\nstrength = 1", "no stage None"),
        ('[[stage]]\nuse = ["turn"]', "no stage"),
        ('[[stage]]\nuse = "turn"\nspeed = 1', "turn has no setting 'speed'; it has: times"),
        ('[[stage]]\nuse = "turn"\ntimes = 9', r"turn\.times must be within 0 to 3, got 9"),
        (
            '[[stage]]\nuse = "turn"\ntimes = 1.5',
            r"turn\.times must be a whole number within 0 to 3",
        ),
        ('[[stage]]\nuse = "lighten"\ncareful = "no"', r"lighten\.careful must be true or false"),
        ('[[stages]]\nuse = "turn"', "not 'stages'"),
        ('[stage]\nuse = "turn"', r"begins with \[\[stage\]\]"),
        ("stage = 3", r"begins with \[\[stage\]\]"),
        ("x = " + "[" * 5000 + "]" * 5000, "must be TOML: its brackets are nested too deep"),
        ("name = " + "9" * 5000, "must be TOML"),
        ("name = 5", "name must be text in quotes, got 5"),
        ("about = [1]", r"about must be text in quotes, got \[1\]"),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused_in_words(text, message):
    with pytest.raises(RecipeError, match=message):
        Recipe.from_toml(text, KNOWN)


def test_stages_are_left_out_kept_and_added_by_name():
    assert names(RECIPE.without("lighten")) == ["turn"]
    assert names(RECIPE.only("lighten")) == ["lighten", "lighten"]
    assert names(RECIPE.including(Turn())) == ["lighten", "turn", "lighten", "turn"]
    assert names(RECIPE.including(Turn(), before="lighten"))[:2] == ["turn", "lighten"]
    assert names(RECIPE) == ["lighten", "turn", "lighten"]


@pytest.mark.parametrize(
    "change",
    [
        lambda recipe: recipe.without("faces"),
        lambda recipe: recipe.only("turn", "faces"),
        lambda recipe: recipe.including(Turn(), before="faces"),
        lambda recipe: recipe.setting("faces.strength=1"),
    ],
)
def test_a_stage_that_is_not_there_is_named(change):
    with pytest.raises(RecipeError, match="no stage 'faces' in recipe 'print'; it has: lighten"):
        change(RECIPE)


def test_a_setting_changes_wherever_its_stage_stands():
    changed = RECIPE.setting("lighten.strength = 0.9")
    assert [stage.strength for stage in changed.only("lighten")] == [0.9, 0.9]
    assert changed.only("turn") == RECIPE.only("turn")


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("strength=1", "stage.key=value"),
        ("lighten.strength", "stage.key=value"),
        ("lighten.speed=1", "has no setting 'speed'"),
        ("lighten.strength=much", "strength must be"),
        ("lighten.strength=7", "within 0 to 1"),
        ("lighten.band=0.1,x", "band must be"),
    ],
)
def test_a_setting_that_cannot_be_made_is_refused_in_words(assignment, message):
    with pytest.raises(RecipeError, match=message):
        RECIPE.setting(assignment)


def test_strength_scales_the_stages_that_have_one():
    half = RECIPE.at_strength(0.5)
    assert [getattr(stage, "strength", None) for stage in half] == [0.25, None, 0.05]
    with pytest.raises(ValueError, match="within 0 to 1"):
        RECIPE.at_strength(2)


def test_a_stage_is_made_of_a_table_without_touching_other_values():
    stage = make_stage({"use": "lighten", "band": [0.2, 0.3]}, KNOWN)
    assert settings_values(stage)["band"] == (0.2, 0.3)
