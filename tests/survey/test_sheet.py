"""Contact sheets: every photo has its place, in any script, on as many pages as it takes."""

import cv2
import numpy as np
import pytest

from unfade.errors import WriteError
from unfade.io.read import read
from unfade.io.text import draw_text
from unfade.io.write import write
from unfade.photo import Photo
from unfade.survey.look import Seen
from unfade.survey.ours import is_sheet, is_table
from unfade.survey.sheet import (
    CELL_HEIGHT,
    CELL_WIDTH,
    COLORS,
    PADDING,
    THUMBNAIL,
    TITLE,
    findings,
    write_sheets,
)
from unfade.survey.summary import as_csv, summarize


def seen(name, **changes):
    picture = cv2.imencode(".jpg", np.full((100, 220, 3), (40, 60, 200), np.uint8))[1].tobytes()
    known = {"file_bytes": 1, "height": 10, "width": 22, "channels": 3, "bits": 8, "tone": "color"}
    return Seen(name, **{**known, "severity": "none", "thumbnail": picture, **changes})


def test_words_are_drawn_and_emptiness_is_not():
    assert draw_text("Schöne Grüße <&>", 100).max() > 0.5
    assert draw_text("Ilford", 200).shape[0] > 1.5 * draw_text("Ilford", 100).shape[0]
    assert draw_text(" \n\0", 100).shape == (1, 1)


def test_a_photo_stands_over_the_color_of_its_damage(tmp_path):
    survey = summarize([seen("a.jpg"), seen("b.jpg", severity="heavy")], 2**31)
    (path,) = write_sheets(survey, tmp_path / "sheet.png")
    sheet = read(path).pixels
    middle = sheet[TITLE + THUMBNAIL // 2, PADDING + CELL_WIDTH // 2]
    assert np.abs(middle - np.float32([200, 60, 40]) / 255).max() < 0.05
    bar = TITLE + THUMBNAIL + 1
    for column, name in enumerate(("none", "heavy")):
        color = sheet[bar, PADDING + column * CELL_WIDTH + 50]
        assert np.abs(color - np.float32(COLORS[name])).max() < 0.01


def test_many_photos_take_several_pages(tmp_path):
    survey = summarize([seen(f"{n}.jpg") for n in range(50)], 2**31)
    written = write_sheets(survey, tmp_path / "sheet.jpg")
    assert [path.name for path in written] == ["sheet.jpg", "sheet-2.jpg"]
    assert read(written[0]).size == (TITLE + 8 * CELL_HEIGHT + PADDING, 6 * CELL_WIDTH + PADDING)
    assert read(written[1]).size[0] == TITLE + CELL_HEIGHT + PADDING


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_a_sheet_is_known_again_and_a_photo_is_not_taken_for_one(tmp_path, suffix):
    (path,) = write_sheets(summarize([seen("a.jpg")], 2**31), tmp_path / f"sheet.{suffix}")
    write(Photo(read(path).pixels), tmp_path / f"photo.{suffix}")
    (tmp_path / "empty").write_bytes(b"")
    assert is_sheet(path) and not is_table(path)
    for name in (f"photo.{suffix}", "empty", "gone"):
        assert not is_sheet(tmp_path / name)


def test_a_table_is_known_again(tmp_path):
    text = as_csv(summarize([seen("a.jpg")], 2**31))
    for name, content in (("t.csv", "\ufeff" + text), ("mine.csv", "path,notes\r\n")):
        (tmp_path / name).write_text(content, "utf-8")
    assert is_table(tmp_path / "t.csv")
    assert not is_table(tmp_path / "mine.csv") and not is_table(tmp_path / "gone.csv")


def test_long_and_foreign_names_and_unreadable_files_do_no_harm(tmp_path):
    names = ["x" * 300 + ".jpg", "祖母 1935.tif", "بيت.png"]
    photos = [seen(name) for name in names] + [Seen("bad.jpg", "bad.jpg: is not a photo")]
    (path,) = write_sheets(summarize(photos, 2**31), tmp_path / "sheet.png")
    assert path.is_file()


def test_findings_are_few_words():
    assert list(findings(seen("a.tif", pages=3), 0)) == ["0.00% damaged", "3 pages"]
    told = seen("a.jpg", damaged_share=0.0123, tone="neutral", veiled=True, faded=True)
    assert list(findings(told, 3)) == ["1.23% damaged", "b/w", "veiled", "faded", "double 3"]
    assert list(findings(seen("a.jpg", negative=True), 0)) == ["0.00% damaged", "negative"]
    assert list(findings(Seen("a.jpg", "a.jpg: is not a photo"), 0)) == ["is not a photo"]


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(WriteError, match="make it first"):
        write_sheets(summarize([seen("a.jpg")], 2**31), tmp_path / "none" / "sheet.png")
