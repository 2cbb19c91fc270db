"""IDX files written here: they come back, packed or not, and broken ones are refused by name."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from spectral_atlas.data import idx

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 3, 4), dtype=np.uint8)
LABELS = np.array([3, 0, 1, 1, 9], dtype=np.uint8)


def encoded(values, magic=None):
    magic = 0x0800 + values.ndim if magic is None else magic
    return struct.pack(f">{1 + values.ndim}I", magic, *values.shape) + values.tobytes()


def write(folder, images=None, labels=None, part="train", suffix=""):
    images = encoded(IMAGES) if images is None else images
    labels = encoded(LABELS) if labels is None else labels
    pack = gzip.compress if suffix else bytes
    (folder / f"{part}-images-idx3-ubyte{suffix}").write_bytes(pack(images))
    (folder / f"{part}-labels-idx1-ubyte{suffix}").write_bytes(pack(labels))


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("part", ["train", "t10k"])
def test_what_is_written_comes_back(tmp_path, part, suffix):
    write(tmp_path, part=part, suffix=suffix)
    files = idx.find(tmp_path, part)
    assert files.images == tmp_path / f"{part}-images-idx3-ubyte{suffix}"
    assert idx.count(files) == 5
    assert idx.shape(files.images, 3) == (5, 3, 4)
    images, labels = idx.load(files)
    assert np.array_equal(images, IMAGES)
    assert labels.dtype == np.int64
    assert labels.tolist() == LABELS.tolist()


def test_plain_files_win_and_kinds_may_be_mixed(tmp_path):
    write(tmp_path, images=encoded(IMAGES[::-1]), suffix=".gz")
    (tmp_path / "train-images-idx3-ubyte").write_bytes(encoded(IMAGES))
    files = idx.find(str(tmp_path))
    assert [path.suffix for path in files] == ["", ".gz"]
    assert np.array_equal(idx.load(files)[0], IMAGES)


def test_home_folder(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert idx.find("~").images.parent == tmp_path


def refusal(call):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        call()
    return str(caught.value)


def test_missing_files_are_listed(tmp_path):
    here = f"folder = '{tmp_path}': has no "
    both = "train-images-idx3-ubyte(.gz) and no train-labels-idx1-ubyte(.gz)"
    assert refusal(lambda: idx.find(tmp_path)) == here + both
    write(tmp_path)
    assert "t10k-images" in refusal(lambda: idx.find(tmp_path, "t10k"))
    (tmp_path / "train-images-idx3-ubyte").unlink()
    (tmp_path / "train-images-idx3-ubyte").mkdir()
    assert refusal(lambda: idx.find(tmp_path)) == here + "train-images-idx3-ubyte(.gz)"
    absent = tmp_path / "absent"
    assert refusal(lambda: idx.find(absent)) == f"folder = '{absent}': must be a folder that exists"


BROKEN = {
    "empty": (b"", "is truncated: its header has 0 bytes"),
    "short header": (encoded(IMAGES)[:10], "is truncated: its header has 10 bytes"),
    "labels": (encoded(LABELS), "magic number 0x00000801, must be 0x00000803"),
    "floats": (encoded(IMAGES, 0x0D03), "magic number 0x00000d03, must be 0x00000803"),
    "nothing": (encoded(IMAGES[:0]), "has dimensions [0, 3, 4], each must be at least 1"),
    "truncated": (encoded(IMAGES)[:-1], "is truncated: 59 values, must be 5 x 3 x 4"),
    "too long": (encoded(IMAGES) + b"a", "is too long: 61 values, must be 5 x 3 x 4"),
}


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("name", BROKEN)
def test_broken_images_are_refused(tmp_path, name, suffix):
    content, words = BROKEN[name]
    write(tmp_path, images=content, suffix=suffix)
    path = tmp_path / f"train-images-idx3-ubyte{suffix}"
    assert refusal(lambda: idx.read(path, 3)) == f"{path}: {words}"
    assert refusal(lambda: idx.load(idx.find(tmp_path))) == f"{path}: {words}"


def test_counts_must_agree(tmp_path):
    write(tmp_path, labels=encoded(LABELS[:4]))
    files = idx.find(tmp_path)
    expected = f"{files.labels}: has 4 labels, must be one for each of 5"
    assert refusal(lambda: idx.count(files)) == expected
    assert refusal(lambda: idx.load(files)) == expected


def test_broken_gzip_streams_are_refused(tmp_path):
    write(tmp_path, suffix=".gz")
    path = tmp_path / "train-images-idx3-ubyte.gz"
    packed = path.read_bytes()
    path.write_bytes(packed[: len(packed) // 2])
    assert refusal(lambda: idx.read(path, 3)) == (
        f"{path}: is truncated: its gzip stream has no end"
    )
    for broken in (encoded(IMAGES), packed[:-8] + bytes(8), packed[:10] + b"\xff" * 40):
        path.write_bytes(broken)
        assert refusal(lambda: idx.read(path, 3)).startswith(f"{path}: can't be read: ")


def test_unreadable_files_are_named(tmp_path):
    absent = tmp_path / "absent"
    words = f"{absent}: can't be read: No such file or directory"
    assert refusal(lambda: idx.shape(absent, 3)) == words
    assert refusal(lambda: idx.digest(idx.Files(absent, absent))) == words


def test_digest_is_of_the_contents_of_both_files(tmp_path):
    write(tmp_path)
    first = idx.digest(idx.find(tmp_path))
    each = [hashlib.sha256(encoded(values)).digest() for values in (IMAGES, LABELS)]
    assert first == hashlib.sha256(b"".join(each)).hexdigest()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write(elsewhere)
    assert idx.digest(idx.find(elsewhere)) == first
    seen = {first}
    for changed in ({"images": encoded(255 - IMAGES)}, {"labels": encoded(LABELS[::-1])}):
        write(elsewhere, **changed)
        seen.add(idx.digest(idx.find(elsewhere)))
    assert len(seen) == 3
