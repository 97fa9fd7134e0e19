"""One line per photo and method, as CSV and as Parquet."""

import csv
import sys

import pytest

from unfade.errors import EvaluationError
from unfade.evaluate.sheet import Result, Row, Sheet
from unfade.evaluate.summary import write_csv, write_parquet


@pytest.fixture
def sheet():
    found = Sheet()
    found.add(Result(Row("ours", "a.png", "aged", "slide", 0.5, 7, {"psnr": 25.125}, {"s": 2.0})))
    found.add(Result(Row("ours", "b.png", "aged", "slide", 0.5, 7, {"ssim": 0.875})))
    found.add(Result(Row("theirs", "b.png", "clean", error="broken, sadly")))
    return found


def test_what_a_row_does_not_know_is_empty(sheet, tmp_path):
    write_csv(sheet, tmp_path / "photos.csv")
    with (tmp_path / "photos.csv").open(newline="") as file:
        first, second, third = csv.DictReader(file)
    assert (first["psnr"], first["ssim"], first["s"], first["seed"]) == ("25.125", "", "2.0", "7")
    assert (second["psnr"], second["ssim"]) == ("", "0.875")
    assert third["error"] == "broken, sadly" and third["psnr"] == ""


def test_parquet_holds_the_same_table_with_types(sheet, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_parquet(sheet, tmp_path / "photos.parquet")
    table = parquet.read_table(tmp_path / "photos.parquet")
    write_csv(sheet, tmp_path / "photos.csv")
    head = (tmp_path / "photos.csv").read_text("utf-8").splitlines()[0]
    assert table.column_names == head.split(",")
    assert table.to_pydict()["psnr"] == [25.125, None, None]
    assert table.to_pydict()["error"] == ["", "", "broken, sadly"]
    types = {name: str(table.schema.field(name).type) for name in ("photo", "seed", "ssim")}
    assert types == {"photo": "string", "seed": "int64", "ssim": "double"}


def test_without_pyarrow_it_says_what_to_install(sheet, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(EvaluationError, match=r"pip install 'unfade\[parquet\]'"):
        write_parquet(sheet, tmp_path / "photos.parquet")
    assert not (tmp_path / "photos.parquet").exists()
