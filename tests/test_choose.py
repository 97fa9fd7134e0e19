"""Which recipe: what speaks for film or paper, and that a print is what one takes when unsure."""

import dataclasses

import numpy as np
import pytest

from unfade import choose
from unfade.choose import ONLY_DAMAGE, Changes, choose_recipe, load_recipe, preset_names
from unfade.darkroom import Darkroom
from unfade.errors import RecipeError
from unfade.io.exif import exif_from_tags
from unfade.io.tiff import Tag
from unfade.medium import film_frame_mm, find_medium, frame_tone
from unfade.photo import Metadata, Photo
from unfade.recipe import Finding, Recipe
from unfade.stages import STAGES
from unfade.stages.denoise import Denoise
from unfade.stages.fading import CorrectFading
from unfade.stages.veils import LiftVeils


def scan(**about):
    pixels = np.random.default_rng(0).uniform(0.2, 0.7, (200, 300, 3)).astype(np.float32)
    return Photo(pixels, metadata=Metadata(**about))


def tagged(number, text):
    value = text.encode() + b"\0"
    return scan(fields={"exif-data": exif_from_tags({number: Tag(2, len(value), value)})})


def framed(tone, sides=4):
    photo = scan()
    pixels = photo.pixels.copy()
    edges = (np.s_[:6], np.s_[-6:], np.s_[:, :6], np.s_[:, -6:])
    for edge in edges[:sides]:
        pixels[edge] = tone
    return dataclasses.replace(photo, pixels=pixels)


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_holds_every_stage_in_order_and_inverts_nothing(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.about
    whole = (
        [n for n in STAGES if n != "negative"]
        if name != ONLY_DAMAGE
        else ["damage", "measure", "inpaint"]
    )
    assert [stage.name for stage in recipe] == whole


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_survives_being_written_and_read(name):
    recipe = load_recipe(name)
    assert Recipe.from_toml(recipe.to_toml(), STAGES) == recipe


def test_a_recipe_file_is_read(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(load_recipe("print").without("grain").to_toml(), "utf-8")
    assert [stage.name for stage in load_recipe(path)] == list(STAGES)[1:-1]


def test_a_recipe_that_is_not_there_is_refused_with_the_presets():
    with pytest.raises(RecipeError, match=r"no recipe 'polaroid'.*negative.*print.*file$"):
        load_recipe("polaroid")


@pytest.mark.parametrize(
    ("photo", "medium"),
    [
        (scan(medium="slide"), "slide"),
        (tagged(270, "Kodachrome 64, summer 1968"), "slide"),
        (tagged(270, "35 mm negative, roll 4"), "negative"),
        (tagged(270, "Postcard from Bergen"), "print"),
        (tagged(272, "SUPER COOLSCAN LS-5000 ED"), "negative"),
        (tagged(305, "Corpsware 2.0"), None),
        (tagged(272, "Perfection V600"), None),
        (dataclasses.replace(scan(), infrared=np.ones((200, 300), np.float32)), "negative"),
        (framed(0.9), "print"),
        (framed(0.9, sides=2), None),
        (framed(0.01), None),
        (scan(), None),
    ],
)
def test_the_medium_is_told_by_what_speaks_loudest(photo, medium):
    assert find_medium(photo)[0] == medium


def test_a_film_scan_in_a_black_frame_is_a_slide():
    photo = framed(0.01)
    photo = dataclasses.replace(photo, metadata=tagged(272, "OpticFilm 8200i").metadata)
    assert find_medium(photo)[0] == "slide"


@pytest.mark.parametrize(
    ("pixels", "ppi", "fits"),
    [((3400, 5100), 3600, True), ((3400, 5100), 600, False), ((2400, 3600), 1200, False)],
)
def test_a_frame_of_film_is_known_by_its_size(pixels, ppi, fits):
    photo = Photo(np.zeros((*pixels, 1), np.float32), metadata=Metadata(resolution_ppi=(ppi, ppi)))
    assert (film_frame_mm(photo) is not None) is fits


def test_a_border_is_seen_only_where_it_is_even():
    assert frame_tone(framed(0.9).pixels) == "paper"
    assert frame_tone(framed(0.0).pixels) == "black"
    assert frame_tone(scan().pixels) == ""
    assert frame_tone(np.ones((4, 4, 1), np.float32)) == ""


@dataclasses.dataclass(frozen=True)
class Gate:
    """A stage that says what the test wants."""

    needed: bool
    name: str

    def look(self, photo, darkroom):
        return Finding(self.needed, f"{self.name} is {'loud' if self.needed else 'quiet'}")


@pytest.mark.parametrize(
    ("noise", "fading", "expected"),
    [(False, False, "clean"), (True, False, "print"), (False, True, "print")],
)
def test_a_photo_without_medium_is_clean_only_if_every_gate_is_quiet(
    monkeypatch, noise, fading, expected
):
    stages = (Gate(noise, "denoise"), Gate(fading, "fading"))
    monkeypatch.setattr(choose, "load_recipe", lambda name: Recipe(name, stages))
    recipe, evidence = choose_recipe(scan(), Darkroom())
    assert recipe.name == expected
    assert (
        evidence
        == {
            (False, False): "taken as clean: nothing certain is seen at first glance",
            (True, False): "taken as a print: no sign of film, no white border, noise to reduce",
            (False, True): "taken as a print: no sign of film, no white border, fading to correct",
        }[noise, fading]
    )


@pytest.mark.parametrize("tint", [(1, 1, 1), (0.9, 0.8, 0.6)], ids=["grey", "sepia"])
def test_a_photo_without_color_is_old_until_the_file_says_otherwise(monkeypatch, tint):
    monkeypatch.setattr(choose, "load_recipe", lambda name: Recipe(name, (Gate(False, "fading"),)))
    grey = scan().pixels[:, :, :1] * np.array(tint, np.float32)
    assert choose_recipe(Photo(grey), Darkroom()) == (
        Recipe("print", (Gate(False, "fading"),)),
        "taken as a print: no sign of film, no white border, in black and white as most old photos",
    )


def test_the_reason_names_blocks_of_jpeg(monkeypatch):
    says = Finding(True, "noise 0.8/255, JPEG blocks 1.6/255: reduced")
    monkeypatch.setattr(Gate, "look", lambda *_: says)
    monkeypatch.setattr(choose, "load_recipe", lambda name: Recipe(name, (Gate(True, "denoise"),)))
    assert choose_recipe(scan(), Darkroom()).evidence == (
        "taken as a print: no sign of film, no white border, JPEG blocks to reduce"
    )


@pytest.mark.parametrize(
    "changes",
    [
        Changes(without=("fading",)),
        Changes(only=("damage",)),
        Changes(settings=("fading.gate=1.0",)),
        Changes(strength=0.0),
    ],
)
def test_what_a_person_wants_changes_nothing_of_what_a_photo_is(monkeypatch, changes):
    monkeypatch.setattr(
        CorrectFading,
        "look",
        lambda stage, *_: Finding(stage.gate < 1 and stage.strength > 0, "faded"),
    )
    monkeypatch.setattr(Denoise, "look", lambda *_: Finding(False, "quiet"))
    monkeypatch.setattr(LiftVeils, "look", lambda *_: Finding(False, "none"))
    chosen = choose.recipe_for(scan(), Darkroom(), None, changes).recipe
    assert chosen == changes.apply(load_recipe("print"))


@pytest.mark.parametrize("wish", ["exposure=0.1", "contrast=-0.2", "warmth=0.3"])
def test_what_a_person_adjusts_says_nothing_of_what_a_photo_is(monkeypatch, wish):
    recipe = Recipe("print", (CorrectFading(gate=1.0, old_gate=1.0),))
    monkeypatch.setattr(choose, "load_recipe", lambda name: dataclasses.replace(recipe, name=name))
    chosen, _ = choose_recipe(scan(), Darkroom(), Changes(settings=(f"fading.{wish}",)))
    assert chosen.name == "clean"


def test_a_known_medium_needs_no_gate_and_no_network():
    recipe, evidence = choose_recipe(scan(medium="negative"), Darkroom())
    assert (recipe.name, evidence) == ("negative", "the file says negative")


def test_changes_are_made_in_the_order_a_person_means():
    changes = Changes(
        without=("grain",),
        settings=("inpaint.strength=0.5",),
        strength=0.5,
        sensitivity=0.9,
    )
    recipe = changes.apply(load_recipe("print"))
    by_name = {stage.name: stage for stage in recipe}
    assert "grain" not in by_name
    assert by_name["inpaint"].strength == 0.25
    assert by_name["damage"].sensitivity == 0.9


def test_a_negative_is_inverted_first_and_only_when_asked():
    changes = Changes(negative=True, only=("inpaint",), settings=("negative.base=0.2,0.5,0.8",))
    first, second = changes.apply(load_recipe("print"))
    assert (first.name, first.base, second.name) == ("negative", (0.2, 0.5, 0.8), "inpaint")
    recipe, evidence = choose_recipe(scan(), Darkroom(), Changes(negative=True))
    assert (recipe.name, evidence) == ("negative", "a negative, as asked")
    twice = Changes(negative=True).apply(Changes(negative=True).apply(load_recipe("slide")))
    assert [stage.name for stage in twice] == list(STAGES)


def test_what_the_object_had_is_left_alone_when_asked():
    recipe = Changes(acquired_only=True).apply(load_recipe("print"))
    by_name = {stage.name: stage for stage in recipe}
    assert by_name["damage"].acquired_only
    assert "denoise" not in by_name
    given = {stage.name: stage for stage in load_recipe("print")}
    assert not given["damage"].acquired_only


@pytest.mark.parametrize(
    "changes",
    [
        Changes(without=("sharpen",)),
        Changes(only=("sharpen",)),
        Changes(settings=("denoise.volume=11",)),
        Changes(sensitivity=2.0),
    ],
)
def test_changes_that_do_not_fit_are_refused(changes):
    with pytest.raises(RecipeError):
        changes.apply(load_recipe("print"))


def test_the_archivists_recipe_does_not_invert():
    with pytest.raises(RecipeError, match="leave out --only-damage"):
        Changes(negative=True).apply(load_recipe(ONLY_DAMAGE))
