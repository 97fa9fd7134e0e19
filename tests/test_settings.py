"""One knob in one line: what it accepts, and what it says when it does not."""

import dataclasses

import pytest

from unfade.settings import check_settings, parse_setting, setting, settings_of


@dataclasses.dataclass(frozen=True)
class Sharpen:
    name = "sharpen"
    strength: float = setting(0.5, "How much.", low=0, high=1)
    radius: int = setting(3, "Of the blur.", low=1, high=9, unit="px")
    careful: bool = setting(True, "Leave edges alone.")
    method: str = setting("soft", "How.", choices=("soft", "hard"))
    band: tuple[float, ...] = setting((0.1, 0.9), "Tones to sharpen.", low=0, high=1)
    hidden: int = 7

    def __post_init__(self):
        check_settings(self)


KNOBS = {knob.name: knob for knob in settings_of(Sharpen)}


def test_only_declared_settings_are_listed_in_order():
    assert list(KNOBS) == ["strength", "radius", "careful", "method", "band"]


def test_a_setting_says_what_it_accepts():
    allowed = [knob.allowed for knob in KNOBS.values()]
    assert allowed == ["0 to 1", "1 to 9 px", "true or false", "soft or hard", "0 to 1"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("strength", 1.5),
        ("strength", -0.1),
        ("strength", float("nan")),
        ("strength", "0.5"),
        ("strength", True),
        ("radius", 2.5),
        ("radius", 10),
        ("careful", "false"),
        ("careful", 1),
        ("method", "medium"),
        ("band", (0.1, 1.9)),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(key, value):
    with pytest.raises(ValueError, match=rf"^sharpen\.{key} must be .*got "):
        Sharpen(**{key: value})


def test_whole_numbers_fit_where_fractions_do():
    assert Sharpen(strength=1).strength == 1


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("strength", "0.25", 0.25),
        ("radius", "5", 5),
        ("careful", "off", False),
        ("careful", "Yes", True),
        ("method", "hard", "hard"),
        ("band", "0.2, 0.8", (0.2, 0.8)),
    ],
)
def test_typed_text_becomes_the_type_of_the_default(key, text, value):
    parsed = parse_setting(KNOBS[key], text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("key", "text"),
    [("strength", "much"), ("radius", "2.5"), ("careful", "maybe"), ("band", "0.1,x")],
)
def test_text_that_is_no_such_value_is_refused_by_name(key, text):
    with pytest.raises(ValueError, match=f"^{key} must be .*got {text!r}"):
        parse_setting(KNOBS[key], text)
