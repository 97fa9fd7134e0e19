"""How recipes and settings are listed."""

from click.testing import CliRunner

from unfade.choose import preset_names
from unfade.cli.main import unfade


def test_what_recipes_are_for_stands_in_one_column():
    lines = CliRunner().invoke(unfade, ["recipes", "list"]).output.splitlines()
    width = max(map(len, preset_names()))
    assert [line[:width].strip() for line in lines[::2]] == list(preset_names())
    assert all(line[width] == " " and line[width + 1] != " " for line in lines)


def test_a_bound_of_nineteen_digits_is_a_power_of_two():
    output = CliRunner().invoke(unfade, ["recipes", "stages"]).output
    (line,) = [line for line in output.splitlines() if "inpaint.seed=" in line]
    assert "0 to 2^63 " in line
    assert "e+" not in output
    assert "0 to 2^63" in CliRunner().invoke(unfade, ["recipes", "stages", "--json"]).output
