"""The options of `unfade restore` for archives reach the job."""

from pathlib import Path

import click
import pytest

from unfade.cli.inputs import Found
from unfade.cli.restore import command, make_jobs, wanted


def options(*words):
    return command.make_context("restore", ["a.tif", *words]).params


def test_only_damage_infrared_page_and_origin_reach_the_job():
    found = [Found(Path("a.tif"), Path("a.tif"))]
    given = options("--only-damage", "--infrared", "ir.tif", "--page", "2", "--save-origin")
    (job,) = make_jobs(("a.tif",), found, None, given)
    assert (job.infrared, job.page, job.save_origin) == ("ir.tif", 2, True)
    assert job.recipe is not None and job.recipe.only_damage and job.recipe.name == "only-damage"
    with pytest.raises(click.UsageError, match="belongs to one photo"):
        make_jobs(("a.tif",), found * 2, None, given)


def test_only_damage_holds_any_recipe_to_it():
    recipe, _ = wanted(options("--only-damage", "--recipe", "slide"))
    assert recipe is not None and recipe.name == "slide" and recipe.only_damage


def test_without_these_options_every_page_is_taken():
    found = [Found(Path("a.tif"), Path("a.tif"))]
    (job,) = make_jobs(("a.tif",), found, None, options())
    assert (job.infrared, job.page, job.save_origin, job.recipe) == ("", 0, False, None)
