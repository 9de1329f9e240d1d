"""Data sets that the library `datasets` of Hugging Face reads."""

import re

import numpy as np
import pytest
from PIL import Image

import byzdl
from byzdl.config.compose import compose
from byzdl.config.identity import identity
from byzdl.config.types import ConfigError
from byzdl.data import HuggingFace

datasets = pytest.importorskip("datasets", reason="the extra huggingface is not installed")

TEXTS = {"text": ["The cat.", "the dog", "A cat", "the cat"], "label": [1, 0, 1, 1], "writer": ["b", "a", "b", "b"]}
GREY = [Image.fromarray(np.full((2, 3), 10 * i, np.uint8)) for i in range(4)]


@pytest.fixture(autouse=True)
def _offline(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


def saved(train, test=None, name="saved"):
    """A folder as users have it."""
    if test is None:
        datasets.Dataset.from_dict(train).save_to_disk(name)
    else:
        parts = {"train": train, "test": test}
        datasets.DatasetDict({key: datasets.Dataset.from_dict(part) for key, part in parts.items()}).save_to_disk(name)
    return name


def read(path, **keys):
    return HuggingFace(path=path, **keys).decode()


def test_texts_by_hand():
    path = saved(TEXTS, {"text": ["cat, dog", "the the the the"], "label": [0, 1], "writer": ["c", "c"]})
    arrays = read(path, text="text", length=3, groups="writer")
    # The words of the training part: cat and the, three times each; then a full stop, a and dog.
    assert arrays.train_inputs.tolist() == [[3, 2, 4], [3, 6, 0], [5, 2, 0], [3, 2, 0]]
    assert arrays.test_inputs.tolist() == [[2, 1, 6], [3, 3, 3]]
    assert (arrays.train_targets.tolist(), arrays.test_targets.tolist()) == ([1, 0, 1, 1], [0, 1])
    assert (arrays.classes, arrays.vocabulary, arrays.groups.tolist()) == (2, 7, [1, 0, 1, 1])
    few = read(path, text="text", length=2, vocabulary=1, pieces="characters")
    assert few.vocabulary == 3


def test_grey_images_have_one_channel_and_others_three():
    labels = ["no", "yes", "no", "yes"]
    grey = read(saved({"image": GREY, "y": labels}, {"image": GREY[:1], "y": ["yes"]}), image="image", label="y")
    assert (grey.train_inputs.shape, grey.train_inputs.dtype) == ((4, 2, 3, 1), np.uint8)
    assert grey.train_inputs[:, 0, 0, 0].tolist() == [0, 10, 20, 30]
    assert (grey.train_targets.tolist(), grey.test_targets.tolist()) == ([0, 1, 0, 1], [1])
    red = Image.new("RGB", (3, 2), (255, 0, 7))
    mixed = read(
        saved({"image": [*GREY[:3], red], "y": labels}, {"image": [red], "y": ["no"]}, "mixed"),
        image="image",
        label="y",
    )
    assert mixed.train_inputs[:, 0, 0].tolist() == [[0, 0, 0], [10, 10, 10], [20, 20, 20], [255, 0, 7]]


def test_images_are_turned_upright_once(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    Image.fromarray(np.array([[1, 2, 3]], np.uint8)).save(tmp_path / "1.png", exif=exif)
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    part = datasets.Dataset.from_dict({"image": [str(tmp_path / "1.png")] * 2, "label": [0, 1]}, features=features)
    datasets.DatasetDict({"train": part, "test": part}).save_to_disk("turned")
    assert read("turned", image="image").train_inputs[0, :, :, 0].tolist() == [[1], [2], [3]]


def test_images_of_different_sizes_are_scaled_or_refused():
    path = saved({"image": [*GREY[:1], Image.new("L", (5, 5))], "label": [0, 1]}, {"image": GREY[:1], "label": [1]})
    assert read(path, image="image", image_size=4).train_inputs.shape == (2, 4, 4, 1)
    with pytest.raises(ConfigError, match=r"^dataset\.image_size is None, .* as sizes differ: 3x2 and 5x5$"):
        read(path, image="image")


def test_named_classes_are_numbered_as_the_library_does():
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["z", "a"])})
    parts = {"train": {"text": ["u", "v"], "label": [1, 0]}, "test": {"text": ["w"], "label": [1]}}
    datasets.DatasetDict(
        {key: datasets.Dataset.from_dict(part, features=features) for key, part in parts.items()}
    ).save_to_disk("named")
    arrays = read("named", text="text")
    assert (arrays.train_targets.tolist(), arrays.test_targets.tolist()) == ([1, 0], [1])


def test_a_single_part_is_divided():
    texts = {"text": [f"word{i}" for i in range(10)], "label": [i % 2 for i in range(10)], "by": list(range(10, 20))}
    arrays = read(saved(texts), text="text", test=None, test_share=0.3, groups="by")
    assert (len(arrays.train_targets), len(arrays.test_targets)) == (7, 3)
    assert arrays.vocabulary == 2 + 7
    assert arrays.groups.tolist() == list(range(7))


def test_a_regression_learns_numbers():
    path = saved({"text": ["a", "b"], "label": [0.5, 2.0]}, {"text": ["a"], "label": [-1.0]})
    arrays = read(path, text="text", task="regression")
    assert (arrays.train_targets.tolist(), arrays.test_targets.tolist(), arrays.classes) == ([0.5, 2.0], [-1.0], None)
    assert arrays.train_targets.dtype == np.float32


def test_a_folder_of_files_is_read_as_the_library_reads_it(tmp_path):
    (tmp_path / "files").mkdir()
    for part in ("train", "test"):
        (tmp_path / "files" / f"{part}.csv").write_text("text,label\nhello,0\nworld,1\n")
    arrays = read(str(tmp_path / "files"), text="text")
    assert arrays.train_inputs[:, 0].tolist() == [2, 3]


def test_it_runs_and_its_content_counts_and_not_its_place(tmp_path):
    many = {"text": ["good day", "bad day"] * 40, "label": [1, 0] * 40}
    keys = ("dataset=huggingface", "dataset.text=text", "model=embedding", "defense=mean", "attack=none")
    saved(many, many, "one")
    run = byzdl.run(
        *keys, "dataset.path=one", "dataset.length=4", f"dataset.cache={tmp_path / 'cache'}", "topology.n=3",
        rounds=30, batch_size=8, progress=False,
    )  # fmt: skip
    assert run.accuracy == 1.0
    (tmp_path / "two").symlink_to("one")
    saved({**many, "label": [0, 1] * 40}, many, "three")
    one, two, three = (identity(compose(*keys, f"dataset.path={name}")) for name in ("one", "two", "three"))
    assert one == two != three


def test_a_name_on_the_hub_counts_by_itself():
    first, other = (identity(compose("dataset=huggingface", f"dataset.path=someone/{name}")) for name in "ab")
    assert first != other


WRONG = {
    "dataset.path is None, but must be the name of a data set on the Hugging Face Hub": {"path": None},
    "dataset.path is 'no/such', but must be a name that the Hugging Face Hub or its cache here knows, or": {
        "path": "no/such"
    },
    "dataset.image is None, but must be the column of images, beside no dataset.text; or null": {"text": None},
    "dataset.text is 'texts', but must be a column of saved: text, label, writer (did you mean text?)": {
        "text": "texts"
    },
    "dataset.image is 'text', but must be a column of images; it holds str": {"image": "text", "text": None},
    "dataset.text is 'label', but must be a column of texts; it holds int": {"text": "label"},
    "dataset.label is 'text', but must be a column of labels to learn (no training sample has": {"label": "text"},
    "dataset.label is 'writer', but must be a column of numbers, as task=regression": {
        "label": "writer",
        "task": "regression",
    },
    "dataset.train is 'trian', but must be a part of saved: train, test (did you mean train?)": {"train": "trian"},
    "dataset.test is 'validation', but must be a part of saved: train, test; or null, with dataset.test_share": {
        "test": "validation"
    },
    "dataset.test_share is None, but must be a number between 0 and 1, the share of train to test with": {"test": None},
    "dataset.test_share is 0.2, but must be null, as test is to test with": {"test_share": 0.2},
    "dataset.subset is 'en', but must be null, as saved is a saved data set": {"subset": "en"},
    "dataset.checksum is 'abc', but must be '": {"checksum": "abc"},
}


@pytest.mark.parametrize("says", WRONG)
def test_what_does_not_fit_is_one_line(says):
    saved(TEXTS, {"text": ["x"], "label": [0], "writer": ["a"]})
    with pytest.raises(ConfigError, match=rf"^{re.escape(says)}[^\n]*$"):
        read(**{"path": "saved", "text": "text", **WRONG[says]})


def test_missing_and_real_labels_are_refused():
    saved({"text": ["a", "b"], "label": [None, 1], "y": [0.5, 1.5]}, {"text": ["a"], "label": [1], "y": [0.5]})
    with pytest.raises(ConfigError, match=r"^dataset\.label is 'label', .* without missing values; sample 0 of"):
        read("saved", text="text")
    with pytest.raises(ConfigError, match=r"^dataset\.task is 'classification', but must be regression .* as y holds"):
        read("saved", text="text", label="y")
