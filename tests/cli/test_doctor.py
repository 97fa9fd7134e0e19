"""What the doctor says of threads and formats."""

import json

from click.testing import CliRunner

from unfade.cli import doctor
from unfade.cli.main import unfade


def test_formats_are_told_by_what_libvips_can():
    told = json.loads(CliRunner().invoke(unfade, ["doctor", "--json"]).output)["formats"]
    assert "JPEG, PNG, TIFF" in told["reads"] and "JPEG, PNG, TIFF" in told["writes"]
    assert "HEIC" in told["reads"] and "HEIC" in told["writes"]
    assert "LZW, Deflate" in told["reads TIFF with"]
    assert ".heic" in told["names looked for"]


def test_what_is_missing_is_told_last():
    assert doctor._can({"JPEG": True, "HEIC": False, "PNG": True}) == "JPEG, PNG; not HEIC"
    assert doctor._can({"JPEG": True}) == "JPEG"
    assert doctor._can({"HEIC": False}) == "not HEIC"


def test_threads_are_counted_in_english():
    assert doctor._engine("openvino-fp32", 0).endswith(", as many threads as it likes")
    assert doctor._engine("openvino-fp32", 1).endswith(", 1 thread")
    assert doctor._engine("openvino-fp32", 2).endswith(", 2 threads")
