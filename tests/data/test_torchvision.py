"""Other data sets of torchvision, on small files in their own formats."""

import bz2
import re

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from byzdl.config.types import ConfigError
from byzdl.data import TorchvisionByName, TorchvisionDataset

LABELS = [3, 1, 3]


@pytest.fixture(autouse=True)
def _no_download(monkeypatch):
    """Invented files have other checksums than torchvision knows, and nothing is downloaded."""
    from torchvision import datasets
    from torchvision.datasets import usps

    def refuse(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(datasets.SVHN, "_check_integrity", lambda self: True)
    monkeypatch.setattr(datasets.STL10, "_check_integrity", lambda self: True)
    monkeypatch.setattr(datasets.svhn, "check_integrity", lambda *_: True)
    monkeypatch.setattr(datasets.KMNIST, "download", refuse)
    monkeypatch.setattr(usps, "download_url", refuse)


def pixels(*shape):
    return np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)


def idx(folder, name, images, labels):
    """A part in the format of MNIST."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = b"".join(size.to_bytes(4, "big") for size in images.shape)
    (folder / f"{name}-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03" + sizes + images.tobytes())
    (folder / f"{name}-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + sizes[:4] + bytes(labels))


def read(root, source, **keys):
    return TorchvisionByName(source=source, root=str(root), **keys).decode()


def test_kmnist(tmp_path):
    images = pixels(3, 28, 28)
    idx(tmp_path / "KMNIST" / "raw", "train", images, LABELS)
    idx(tmp_path / "KMNIST" / "raw", "t10k", images[:1], [1])
    arrays = read(tmp_path, "KMNIST")
    np.testing.assert_array_equal(arrays.train_inputs[..., 0], images)
    assert (arrays.train_inputs.shape, arrays.test_inputs.shape) == ((3, 28, 28, 1), (1, 28, 28, 1))
    # Classes are numbered anew: 1 and 3 become 0 and 1.
    assert (arrays.train_targets.tolist(), arrays.test_targets.tolist(), arrays.classes) == ([1, 0, 1], [0], 2)


def test_emnist_has_several_splits(tmp_path):
    raw = tmp_path / "EMNIST" / "raw"
    for split, label in (("letters", 26), ("digits", 9)):
        for part in ("train", "test"):
            idx(raw, f"emnist-{split}-{part}", pixels(2, 28, 28), [1, label])
    assert read(tmp_path, "EMNIST", split="letters").train_targets.tolist() == [0, 1]
    assert read(tmp_path, "EMNIST", split="digits").classes == 2


def test_svhn_has_colours_and_a_second_part_to_train_with(tmp_path):
    images = pixels(3, 32, 32, 3)
    for part, count in (("train", 3), ("test", 2), ("extra", 2)):
        labels = np.array([[10], [1], [10]])[:count]  # 10 is the digit 0
        savemat(tmp_path / f"{part}_32x32.mat", {"X": np.moveaxis(images[:count], 0, 3), "y": labels})
    arrays = read(tmp_path, "SVHN")
    np.testing.assert_array_equal(arrays.train_inputs, images)
    assert (arrays.train_targets.tolist(), arrays.test_targets.tolist()) == ([0, 1, 0], [0, 1])
    assert len(read(tmp_path, "SVHN", split="extra").train_targets) == 2


def test_stl10_is_scaled(tmp_path):
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    (folder / "class_names.txt").write_text("a\nb\n")
    (folder / "fold_indices.txt").write_text("0\n")
    for part, count in (("train", 2), ("test", 1)):
        # Channels first, and columns before rows.
        np.full((count, 3, 96, 96), 7, np.uint8).tofile(folder / f"{part}_X.bin")
        (folder / f"{part}_y.bin").write_bytes(bytes([2, 1])[:count])
    arrays = read(tmp_path, "STL10", image_size=32)
    assert arrays.train_inputs.shape == (2, 32, 32, 3)
    assert (arrays.train_targets.tolist(), arrays.test_targets.tolist()) == ([1, 0], [1])


def signs(root, size):
    """Traffic signs: two to train with, and one to test with, of another size."""
    for label in (0, 1):
        folder = root / "gtsrb" / "GTSRB" / "Training" / f"{label:05}"
        folder.mkdir(parents=True)
        Image.new("RGB", (8, 8), (label, 0, 0)).save(folder / "1.ppm")
    images = root / "gtsrb" / "GTSRB" / "Final_Test" / "Images"
    images.mkdir(parents=True)
    Image.new("RGB", size).save(images / "1.ppm")
    (root / "gtsrb" / "GT-final_test.csv").write_text("Filename;ClassId\n1.ppm;1\n")


def test_images_of_different_sizes_need_one(tmp_path):
    signs(tmp_path, (9, 8))
    with pytest.raises(ConfigError, match=r"^dataset\.image_size is None, .* as sizes differ: 8x8 and 9x8$"):
        read(tmp_path, "GTSRB")
    arrays = read(tmp_path, "GTSRB", image_size=4)
    assert arrays.train_inputs.shape == (2, 4, 4, 3)
    assert (arrays.train_targets.tolist(), arrays.test_targets.tolist()) == ([0, 1], [1])


def test_a_name_and_its_own_choice_read_alike(tmp_path):
    for part, count in (("train", 3), ("t10k", 2)):
        idx(tmp_path / "MNIST" / "raw", part, pixels(count, 28, 28), [0, 1, 0][:count])
    by_name = read(tmp_path, "MNIST")
    other = TorchvisionDataset(source="MNIST", root=str(tmp_path)).decode()
    assert all(np.array_equal(one, two) for one, two in zip(by_name[:4], other[:4], strict=True))


def test_missing_and_damaged_files_name_their_root(tmp_path):
    says = "dataset.root is '.*', but must be a folder with torchvision's {} files: .*{}[^\n]*$"
    with pytest.raises(ConfigError, match=says.format("KMNIST", "the download failed \\(no network\\)")):
        read(tmp_path, "KMNIST")
    idx(tmp_path / "KMNIST" / "raw", "train", pixels(2, 28, 28), [0, 1])
    idx(tmp_path / "KMNIST" / "raw", "t10k", pixels(1, 28, 28), [2])
    with pytest.raises(ConfigError, match=says.format("KMNIST", "damaged \\(no training sample has these labels")):
        read(tmp_path, "KMNIST")
    with bz2.open(tmp_path / "usps.bz2", "wb") as file:
        file.write(b"no digits")
    with pytest.raises(ConfigError, match=says.format("USPS", "are damaged \\(could not convert")):
        read(tmp_path, "USPS")


@pytest.mark.parametrize(
    ("source", "split", "says"),
    [
        ("EMNIST", None, "one of byclass, bymerge, balanced, letters, digits, mnist, with dataset.source=EMNIST"),
        ("SVHN", "unlabeled", "one of train, extra, with dataset.source=SVHN"),
        ("KMNIST", "train", "null, as KMNIST has a single one"),
    ],
)
def test_a_split_is_one_that_the_class_has(source, split, says):
    with pytest.raises(ValueError, match=re.escape(f"split is {split!r}, but must be {says}")):
        TorchvisionByName(source=source, split=split)


def test_every_source_is_a_class_with_such_parameters():
    import inspect

    from torchvision import datasets

    from byzdl.data.vision import PARTS, Source

    for source in Source.__args__:
        parameters = inspect.signature(getattr(datasets, source).__init__).parameters
        wanted = "split" if source in PARTS else "train"
        assert wanted in parameters or source == "EMNIST", source
