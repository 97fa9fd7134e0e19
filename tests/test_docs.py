"""What the documentation says is there: commands, options, recipes, Python names, links."""

import re
from pathlib import Path

import click
import pytest

import unfade
from unfade.cli.main import COMMANDS
from unfade.cli.main import unfade as command_line
from unfade.recipe import Recipe
from unfade.stages import STAGES

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    *(
        ROOT / "docs" / f"{name}.md"
        for name in ("first-album", "restore", "recipes", "provenance", "batches")
    ),
]


def options_of(command):
    return {name for option in command.params for name in (*option.opts, *option.secondary_opts)}


def blocks(path, language):
    return re.findall(rf"```{language}\n(.*?)```", path.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_that_is_shown_exists(path):
    shown = set(
        re.findall(r"(?:^    |`|&& )unfade ([a-z]+)", path.read_text("utf-8"), re.MULTILINE)
    )
    assert shown and shown <= set(COMMANDS)


def test_every_option_of_restore_that_is_shown_exists_and_none_is_forgotten():
    context = click.Context(command_line)
    command = command_line.get_command(context, "restore")
    shown = set(
        re.findall(r"(--[a-z][a-z0-9-]+)", (ROOT / "docs" / "restore.md").read_text("utf-8"))
    )
    assert shown <= options_of(command)
    assert {name for name in options_of(command) if name.startswith("--")} - shown <= {
        "--out",
        "--no-report",
    }


def test_every_recipe_that_is_shown_can_be_read():
    (text,) = blocks(ROOT / "docs" / "recipes.md", "toml")
    assert len(Recipe.from_toml(text, STAGES).stages) == 4


def test_every_stage_has_its_row():
    text = (ROOT / "docs" / "recipes.md").read_text("utf-8")
    assert all(f"| `{name}` |" in text for name in STAGES)


def test_every_public_name_that_is_shown_exists():
    (code,) = blocks(ROOT / "README.md", "python")
    compile(code, "README.md", "exec")
    shown = set(re.findall(r"unfade\.([A-Za-z_]+)\(", code))
    assert shown and shown <= set(unfade.__all__)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path):
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8"))
    assert all((path.parent / link).is_file() for link in links)
