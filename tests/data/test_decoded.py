"""What a data set decodes to, and what lies in its cache, is whole, or one line says what is wrong."""

import re
from pathlib import Path

import numpy as np
import pytest

from byzdl.config.types import ConfigError, RuleError
from byzdl.data import Arrays, Dataset, Synthetic, TorchvisionDataset, load

IMAGES, LABELS = np.zeros((4, 2, 2, 1), np.uint8), np.array([0, 1, 0, 1])


class Mine(Dataset):
    """Images and labels, with one thing changed."""

    changed: object = None
    signed: object = None

    def signature(self):
        return self.signed or {}

    def decode(self):
        whole = Arrays(IMAGES, LABELS, IMAGES, LABELS, classes=2)
        return whole._replace(**self.changed) if isinstance(self.changed, dict) else self.changed


WRONG = {
    "returns a tuple, but must return Arrays": (IMAGES, LABELS, IMAGES, LABELS, 2),
    "returns a NoneType, but must return Arrays": None,
    "returns train_inputs as float64, but must as a numpy array: uint8 for images, float32 for features, or": {
        "train_inputs": IMAGES + np.nan
    },
    "returns test_inputs as uint8 [4, 2, 2], but must as": {"test_inputs": IMAGES[..., 0]},
    "returns test_inputs as uint8 [4, 0, 2, 1], but must as": {"test_inputs": IMAGES[:, :0]},
    "returns train_targets as a list, but must as a numpy array of int64 [N]": {"train_targets": [0, 1, 0, 1]},
    "returns train_targets as int32 [4], but must as": {"train_targets": LABELS.astype(np.int32)},
    "returns 4 train inputs and 3 targets, but must return a target for each input": {"train_targets": LABELS[:3]},
    "returns 0 test inputs and 0 targets": {"test_inputs": IMAGES[:0], "test_targets": LABELS[:0]},
    "returns test targets from 1 to 2, but must return some of 0 .. 1": {"test_targets": LABELS + 1},
    "returns train targets from -1 to 0, but must": {"train_targets": LABELS - 1},
    "returns inputs to train and to test with of uint8 [2, 2, 1] and uint8 [2, 1, 1], but": {
        "test_inputs": IMAGES[:, :, :1]
    },
    "returns 'two' classes, but must return an integer, at least 1": {"classes": "two"},
}


@pytest.mark.parametrize("says", WRONG)
def test_wrong_arrays_of_a_class_of_ones_own_are_one_line(tmp_path, says):
    with pytest.raises(RuleError, match=f"^test_decoded.Mine.decode: {re.escape(says)}[^\n]*$"):
        load(Mine(changed=WRONG[says], cache=str(tmp_path)))
    assert not list(tmp_path.glob("[!.]*"))


@pytest.mark.parametrize(
    ("signed", "says"), [({"a": IMAGES}, "returns what JSON cannot hold"), ([1], "returns a list")]
)
def test_a_wrong_signature_is_one_line(tmp_path, signed, says):
    with pytest.raises(RuleError, match=f"^test_decoded.Mine.signature: {says}[^\n]*$"):
        load(Mine(changed={}, signed=signed, cache=str(tmp_path)))


def test_classes_may_be_a_number_of_numpys(tmp_path):
    data = load(Mine(changed={"classes": np.int64(3)}, cache=str(tmp_path)))
    assert (data.classes, type(data.classes)) == (3, int)


def test_inputs_that_exceed_the_memory_name_the_choice(tmp_path, monkeypatch):
    def decode(self):
        raise MemoryError("Unable to allocate 5 PiB")

    monkeypatch.setattr(Mine, "decode", decode)
    with pytest.raises(ConfigError, match=r"^dataset is 'mine', but must be a smaller one .*memory.*5 PiB"):
        load(Mine(cache=str(tmp_path)))


def synthetic(cache: Path) -> Synthetic:
    return Synthetic(classes=2, size=2, train_count=6, test_count=4, cache=str(cache))


@pytest.mark.parametrize("damage", ["shape", "type", "no mapping", "a file", "other keys", "header"])
def test_a_cache_of_the_right_bytes_in_another_form_is_built_again(tmp_path, caplog, damage):
    first = load(synthetic(tmp_path))
    (folder,) = tmp_path.glob("[!.]*")
    images = np.load(folder / "train_inputs.npy")
    match damage:
        case "shape":
            np.save(folder / "train_inputs.npy", images.reshape(6, 1, 4, 1))
        case "type":
            np.save(folder / "train_inputs.npy", images.view(np.int8))
        case "header":
            content = (folder / "train_inputs.npy").read_bytes()
            (folder / "train_inputs.npy").write_bytes(content.replace(b"(6, 2, 2, 1)", b"(6, 2, 2, 9**99)"[:12]))
        case "no mapping":
            (folder / "meta.json").write_text("[]")
        case "other keys":
            (folder / "meta.json").write_text("{}")
        case "a file":
            folder.rename(tmp_path / "elsewhere")
            folder.write_text("")
    again = load(synthetic(tmp_path))
    assert again.fingerprint == first.fingerprint
    assert again.sample.shape == (1, 2, 2)
    assert folder.is_dir()


def test_a_file_in_place_of_the_cache_names_its_key(tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(
        ConfigError, match=r"^dataset\.cache is '.*cache', but must be a folder with room to write to \("
    ):
        load(synthetic(tmp_path / "cache"))
    with pytest.raises(ConfigError, match=r"^dataset\.cache is '~nobody-here/x', but must be a path"):
        load(Synthetic(cache="~nobody-here/x"))


def mnist(root: Path, images: bytes, labels: bytes) -> TorchvisionDataset:
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(images)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(labels)
    return TorchvisionDataset(name="mnist", source="MNIST", root=str(root), cache=str(root / "cache"))


def idx(kind: int, *sizes: int) -> bytes:
    return kind.to_bytes(4, "big") + b"".join(size.to_bytes(4, "big") for size in sizes)


PIXELS = idx(0x803, 2, 28, 28) + bytes(2 * 28 * 28)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (b"", idx(0x801, 2) + bytes(2)),
        (PIXELS[:100], idx(0x801, 2) + bytes(2)),
        (PIXELS, b"torn"),
        (PIXELS, idx(0x801, 2) + bytes([1, 77])),
        (PIXELS, idx(0x801, 3) + bytes(3)),
        (idx(0x803, 0, 28, 28), idx(0x801, 0)),
    ],
    ids=["empty", "half", "text", "a label of no class", "too many labels", "none"],
)
def test_damaged_files_of_torchvision_name_their_root(tmp_path, images, labels, monkeypatch):
    dataset = mnist(tmp_path, images, labels)
    with pytest.raises(
        ConfigError, match=r"^dataset\.root is '[^\n]*', but must be a folder with torchvision's MNIST files[^\n]*$"
    ):
        load(dataset)


@pytest.mark.parametrize("error", [OSError("no route to host"), EOFError(), ValueError("bad archive")])
def test_a_failed_download_is_one_line_and_so_is_a_root_that_is_a_file(tmp_path, monkeypatch, error):
    from torchvision import datasets

    def fail(self):
        raise error

    monkeypatch.setattr(datasets.MNIST, "download", fail)
    (tmp_path / "file").write_text("")
    for root in (tmp_path, tmp_path / "file"):
        dataset = TorchvisionDataset(source="MNIST", root=str(root), cache=str(tmp_path / "cache"))
        with pytest.raises(ConfigError, match=r"^dataset\.root is [^\n]*choose the embedded dataset=digits$"):
            load(dataset)
