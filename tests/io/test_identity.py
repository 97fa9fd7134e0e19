"""One file by many names."""

from unfade.io.identity import identities


def test_a_file_has_one_identity_whatever_it_is_called(tmp_path, monkeypatch):
    file = tmp_path / "scan.tif"
    file.write_bytes(b"scan")
    (tmp_path / "soft.tif").symlink_to(file)
    (tmp_path / "hard.tif").hardlink_to(file)
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("scan.tif", "soft.tif", "hard.tif", "folder/../scan.tif"):
        assert identities(tmp_path / name) & identities(file), name
        assert identities(type(file)(name)) & identities(file), name


def test_equal_files_are_two(tmp_path):
    for name in ("one.tif", "two.tif"):
        (tmp_path / name).write_bytes(b"scan")
    assert not identities(tmp_path / "one.tif") & identities(tmp_path / "two.tif")


def test_a_file_that_is_not_there_yet_is_known_by_its_name(tmp_path):
    (tmp_path / "link.tif").symlink_to(tmp_path / "later.tif")
    assert identities(tmp_path / "later.tif") & identities(tmp_path / "link.tif")
    assert not identities(tmp_path / "later.tif") & identities(tmp_path / "other.tif")
