"""Doubles: the same picture is known again, another is not."""

import cv2
import numpy as np
import pytest

from unfade.survey.doubles import EMPTY, MOST_BITS, picture_hash, same_bytes, same_picture, tiny


def picture(seed=0, height=240, width=320):
    """Blobs of grey on a slope, as little alike as two photos."""
    rng = np.random.default_rng(seed)
    rough = cv2.resize(rng.random((7, 9)).astype(np.float32), (width, height))
    fine = cv2.resize(rng.random((40, 50)).astype(np.float32), (width, height))
    return np.clip(0.8 * rough + 0.2 * fine, 0, 1)[:, :, None].repeat(3, axis=2)


def compressed(pixels):
    data = cv2.imencode(".jpg", np.rint(pixels * 255), [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR).astype(np.float32) / 255


def scratched(pixels):
    damaged = pixels.copy()
    damaged[:, 100:103] = 1
    damaged[50:80, 200:240] = 0
    return damaged


CHANGES = {
    "smaller": lambda p: cv2.resize(p, (150, 110), interpolation=cv2.INTER_AREA),
    "compressed": compressed,
    "faded": lambda p: (0.35 + 0.5 * p).astype(np.float32),
    "yellowed": lambda p: p * np.float32([0.95, 0.9, 0.7]),
    "scratched": scratched,
    "grey": lambda p: p[:, :, :1].copy(),
}


def groups(pictures):
    return same_picture([picture_hash(p) for p in pictures], [tiny(p) for p in pictures])


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_picture_is_known_again_and_others_are_not(change):
    pictures = [picture(seed) for seed in range(20)]
    pictures.append(CHANGES[change](picture(7)).astype(np.float32))
    assert groups(pictures) == [[7, 20]]


def test_fingerprints_of_other_pictures_differ_in_half_of_their_bits():
    hashes = [picture_hash(picture(seed)) for seed in range(60)]
    apart = [
        bin(one ^ other).count("1") for i, one in enumerate(hashes) for other in hashes[i + 1 :]
    ]
    assert 28 < np.mean(apart) < 35
    assert np.mean(np.array(apart) <= MOST_BITS) < 0.001


def test_three_of_a_kind_are_one_group():
    first = picture(1)
    assert groups([first, picture(2), compressed(first), CHANGES["faded"](first)]) == [[0, 2, 3]]


def test_empty_pictures_are_not_each_other():
    flat = np.full((50, 60, 3), 0.5, np.float32)
    assert picture_hash(flat) == EMPTY
    assert groups([flat, flat, flat * 0.5]) == []


def test_copies_are_found_by_their_bytes_and_files_of_other_size_are_not_read(tmp_path):
    contents = {"a": b"one", "b": b"two", "c": b"one", "d": b"longer"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    paths = [str(tmp_path / name) for name in contents]
    sizes = [len(content) for content in contents.values()]
    (tmp_path / "d").unlink()
    assert same_bytes(paths, sizes) == [[0, 2]]
    (tmp_path / "c").unlink()
    assert same_bytes(paths, sizes) == []
