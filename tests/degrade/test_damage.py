import dataclasses

import cv2
import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.degrade import DEGRADATIONS, PRESETS, draw_aging
from unfade.degrade.chemistry import MARKS, AddChemistry
from unfade.degrade.creases import AddCreases
from unfade.degrade.fingerprints import AddFingerprints
from unfade.degrade.gate import AddGateHair
from unfade.degrade.light import SHAPES, AddLightLeaks
from unfade.degrade.lines import AddLineScratches
from unfade.degrade.particles import STATISTICS, AddParticles
from unfade.degrade.patches import AddPatches
from unfade.degrade.silver import AddSilverMirroring
from unfade.degrade.stains import AddFoxing, AddStains
from unfade.degrade.tape import AddTape
from unfade.degrade.tears import AddTears
from unfade.degrade.wear import AddAbrasion, AddFlaking, AddScratches
from unfade.degrade.writing import AddWriting
from unfade.photo import Damage, Photo
from unfade.pipeline import run
from unfade.recipe import Recipe, make_stage

STAGES = [
    *(AddParticles(kind=kind, seed=1) for kind in STATISTICS),
    AddLineScratches(seed=1),
    *(AddLightLeaks(shape=shape, seed=1) for shape in SHAPES),
    *(AddChemistry(mark=mark, seed=1) for mark in MARKS),
    AddGateHair(seed=1, count=3),
    AddStains(seed=1),
    AddCreases(seed=1),
    AddTears(seed=1, holes=1, corners=1),
    AddFoxing(seed=1),
    AddSilverMirroring(seed=1, reach=0.5, strength=1.0),
    AddFingerprints(seed=1, opacity=0.5),
    AddAbrasion(seed=1, spots=2),
    AddScratches(seed=1),
    AddScratches(seed=1, bend=1.5, wander=0.6, skipping=0.5),
    AddFlaking(seed=1, share=0.05),
    AddWriting(seed=1),
    AddTape(seed=1),
]


def grey_photo(value: float = 0.5, channels: int = 3) -> Photo:
    return Photo(np.full((160, 200, channels), value, np.float32))


@pytest.mark.parametrize("stage", STAGES, ids=lambda s: f"{s.name}-{getattr(s, 'kind', '')}")
def test_damage_changes_pixels_and_the_mask_knows_where(stage):
    photo = grey_photo()
    aged = run(photo, Recipe("age", (stage,)), Darkroom())
    change = np.abs(aged.pixels - photo.pixels).max(axis=2)
    assert change.max() > 10 / 255
    np.testing.assert_array_equal(aged.damage >= 1, change >= np.float32(10 / 255))
    assert not aged.damage[change == 0].any()


@pytest.mark.parametrize("stage", STAGES, ids=lambda s: f"{s.name}-{getattr(s, 'kind', '')}")
def test_same_seed_same_damage_and_another_seed_other_damage(stage):
    first, again = (run(grey_photo(), Recipe("age", (stage,)), Darkroom()) for _ in range(2))
    np.testing.assert_array_equal(first.pixels, again.pixels)
    other = run(grey_photo(), Recipe("age", (dataclasses.replace(stage, seed=2),)), Darkroom())
    assert (first.pixels != other.pixels).any()


def test_bright_dust_brightens_and_dark_dust_darkens():
    for tone, sign in (((1.0, 1.0, 1.0), 1), ((0.0, 0.0, 0.0), -1)):
        stage = AddParticles(kind="dust", tone=tone, seed=3)
        aged = run(grey_photo(), Recipe("age", (stage,)), Darkroom())
        assert (sign * (aged.pixels - 0.5) >= 0).all()


def test_grey_photos_stay_grey():
    aged = run(grey_photo(channels=1), Recipe("age", tuple(STAGES)), Darkroom())
    assert aged.pixels.shape == (160, 200, 1)


def test_no_artefacts_change_nothing():
    aged = run(grey_photo(), Recipe("age", (AddParticles(count=0),)), Darkroom())
    assert (aged.pixels == 0.5).all()
    assert not aged.damage.any()


@pytest.mark.parametrize("preset", PRESETS)
def test_aging_replays_from_its_history(preset):
    rng = np.random.default_rng(5)
    photo = Photo(rng.random((96, 128, 3), np.float32))
    aged = run(photo, draw_aging(rng, preset, 0.7, size=(96, 128)), Darkroom())
    steps = [{"use": step.stage, **step.settings} for step in aged.history]
    replay = Recipe("replay", tuple(make_stage(step, DEGRADATIONS) for step in steps))
    np.testing.assert_array_equal(run(photo, replay, Darkroom()).pixels, aged.pixels)


@pytest.mark.parametrize("preset", PRESETS)
def test_aging_recipes_survive_being_written_down(preset):
    recipe = draw_aging(np.random.default_rng(1), preset, 0.5)
    assert Recipe.from_toml(recipe.to_toml(), DEGRADATIONS) == recipe


def test_more_severity_means_more_damage():
    def damaged(severity: float) -> float:
        shares = []
        for seed in range(12):
            recipe = draw_aging(np.random.default_rng(seed), "film-35mm", severity, size=(160, 200))
            damage = run(grey_photo(), recipe, Darkroom()).damage
            shares.append(0.0 if damage is None else (damage >= 1).mean())
        return float(np.mean(shares))

    assert damaged(0.9) > 2 * damaged(0.1)


def test_an_unknown_preset_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="no aging preset 'daguerreotype'; known: film-35mm"):
        draw_aging(np.random.default_rng(0), "daguerreotype")


@pytest.mark.parametrize(
    ("stage", "kinds"),
    [
        (AddParticles(kind="hair", seed=1), {Damage.HAIR}),
        (AddLineScratches(seed=1), {Damage.SCRATCH}),
        (AddStains(seed=1), {Damage.STAIN}),
        (AddTears(tears=2, holes=2, seed=1), {Damage.CREASE, Damage.LOSS}),
        (AddCreases(seed=1), {Damage.CREASE}),
        (AddLightLeaks(seed=1), {Damage.STAIN}),
        (AddChemistry(seed=1), {Damage.STAIN}),
        (AddGateHair(seed=1), {Damage.HAIR}),
        (AddFoxing(seed=1), {Damage.STAIN}),
        (AddSilverMirroring(seed=1), {Damage.STAIN}),
        (AddFingerprints(seed=1), {Damage.STAIN}),
        (AddTape(seed=1), {Damage.STAIN}),
        (AddAbrasion(seed=1), {Damage.SCRATCH}),
        (AddScratches(seed=1), {Damage.SCRATCH}),
        (AddFlaking(share=0.05, seed=1), {Damage.LOSS}),
        (AddWriting(seed=1), {Damage.ORIGINAL}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_every_damaged_pixel_knows_its_kind(stage, kinds):
    aged = run(grey_photo(), Recipe("age", (stage,)), Darkroom())
    assert set(np.unique(aged.kinds[aged.damage > 0])) == kinds
    assert not aged.kinds[aged.damage == 0].any()


@pytest.mark.parametrize("veil", [AddStains(3, 200, 0.15, seed=2), AddTape(seed=1, opacity=0.3)])
def test_a_speck_under_a_stain_is_a_speck(veil):
    specks = AddParticles(count=25, kind="dirt", um_per_px=8, seed=1, softness_px=0.25)
    light = Photo(np.full((160, 200, 3), 0.7, np.float32))
    alone = run(light, Recipe("age", (specks,)), Darkroom())
    under = run(light, Recipe("age", (specks, veil)), Darkroom())
    above = run(light, Recipe("age", (veil, specks)), Darkroom())
    assert (under.kinds[alone.damage >= 1] == Damage.DUST).all()
    # The rim of a speck may not show upon the stain.
    assert (above.kinds[alone.damage >= 1] == Damage.DUST).mean() > 0.9
    for aged in (under, above):
        assert (aged.kinds[(aged.damage >= 1) & (alone.damage == 0)] == Damage.STAIN).any()


@pytest.mark.parametrize("kind", STATISTICS)
def test_particles_cover_the_area_that_was_measured_on_scans(kind):
    stage = AddParticles(kind=kind, count=60, um_per_px=10, spread=0, softness_px=0, opacity=1)
    photo = Photo(np.full((900, 900, 1), 0.9, np.float32))
    covered = sum(
        float(((0.9 - each.pixels) / (0.9 - 0.08)).sum())
        for each in (stage_applied(photo, stage, seed) for seed in range(4))
    )
    statistics = STATISTICS[kind]
    expected = 4 * 60 * statistics.shape * statistics.scale_um2 / 10**2
    # Particles overlap, a stroke has whole pixels, and long scratches cross the border.
    assert (0.2 if kind == "scratch" else 0.7) * expected < covered < 1.4 * expected


def stage_applied(photo: Photo, stage: AddParticles, seed: int) -> Photo:
    return run(photo, Recipe("age", (dataclasses.replace(stage, seed=seed),)), Darkroom())


def test_particles_are_larger_in_a_finer_scan():
    photo = Photo(np.full((400, 400, 1), 0.9, np.float32))
    coarse, fine = (
        stage_applied(photo, AddParticles(count=40, um_per_px=um), 1).damage.sum() for um in (20, 5)
    )
    assert fine > 6 * coarse


def test_a_transport_line_stays_on_its_column_from_frame_to_frame():
    columns = []
    for frame in range(4):
        stage = AddLineScratches(count=1, width_px=2, weave_px=0.5, frame=frame, seed=4)
        aged = run(grey_photo(), Recipe("age", (stage,)), Darkroom())
        columns.append(np.average(np.arange(200), weights=aged.damage.sum(axis=0)))
    assert np.ptp(columns) < 5
    assert len(set(columns)) == 4


def test_a_hair_in_the_gate_trembles_but_stays():
    hairs = (AddGateHair(count=3, seed=2, frame=n) for n in range(2))
    first, second = (run(grey_photo(), Recipe("age", (h,)), Darkroom()).damage for h in hairs)
    assert (first != second).any()
    # Their middles are close, so it is the same hair.
    middles = [np.array(np.nonzero(damage)).mean(axis=1) for damage in (first, second)]
    assert np.abs(middles[0] - middles[1]).max() < 10


def test_leaks_only_add_light_and_stains_only_take_it():
    photo = grey_photo()
    for stage, sign in ((AddLightLeaks(seed=3), 1), (AddStains(seed=3), -1), (AddFoxing(), -1)):
        aged = run(photo, Recipe("age", (stage,)), Darkroom())
        assert (sign * (aged.pixels - photo.pixels) >= -1e-6).all()


def test_stains_show_in_the_lights_and_not_in_the_shadows():
    light, dark = (
        run(grey_photo(value), Recipe("age", (AddStains(seed=3),)), Darkroom()).damage >= 1
        for value in (0.9, 0.02)
    )
    assert light.any()
    assert not dark.any()


@pytest.mark.parametrize("behind", [(0.02, 0.02, 0.02), (0.98, 0.98, 0.98)])
def test_a_lost_corner_shows_what_lies_behind(behind):
    stage = AddTears(tears=0, corners=4, hole_px=30, through=1, behind=behind, seed=1)
    aged = run(grey_photo(), Recipe("age", (stage,)), Darkroom())
    lost = [aged.pixels[y, x] for y in (0, -1) for x in (0, -1)]
    assert min(np.abs(np.array(lost) - behind).max(axis=1)) < 0.02
    assert aged.kinds[0, 0] in (Damage.LOSS, Damage.NONE)
    assert (aged.kinds == Damage.LOSS).any()


def test_patches_need_a_library_and_say_so():
    assert "no library" in AddPatches().look(grey_photo(), Darkroom()).evidence


def pieces_of(stage):
    """How many pieces a mark falls into on plain ground."""
    seen = run(grey_photo(), Recipe("age", (stage,)), Darkroom()).damage >= 0.5
    return cv2.connectedComponents(seen.astype(np.uint8))[0] - 1


def test_a_scratch_that_skips_is_a_row_of_dots_and_dashes():
    one = AddScratches(count=1, seed=4, width_px=2, length_px=120, sheaf=0, opacity=1)
    whole, dotted = (pieces_of(dataclasses.replace(one, skipping=s)) for s in (0.0, 0.6))
    assert dotted >= whole + 4


def slimness(stage):
    """How wide the visible marks lie, over how long."""
    damage = run(grey_photo(), Recipe("age", (stage,)), Darkroom()).damage
    places = np.argwhere(damage >= 0.5).astype(np.float64)
    small, large = np.sqrt(np.linalg.eigvalsh(np.cov(places.T)))
    return small / large


@pytest.mark.parametrize("way", [{"bend": 2.5}, {"bend": 0.0, "wander": 2.5}])
def test_a_scratch_that_turns_is_no_line(way):
    ones = [AddScratches(count=1, seed=n, length_px=70, sheaf=0, bend=0) for n in range(5)]
    straight = np.median([slimness(one) for one in ones])
    assert straight < 0.05
    assert np.median([slimness(dataclasses.replace(one, **way)) for one in ones]) > 2 * straight
