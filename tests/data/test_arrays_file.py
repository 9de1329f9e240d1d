"""Arrays of one's own: each is read as it is meant, or one line says why it cannot be."""

import shutil

import numpy as np
import pytest
import torch

import byzdl
from byzdl.config.compose import compose
from byzdl.config.content import sources
from byzdl.config.identity import identity, run_name
from byzdl.config.types import ConfigError
from byzdl.data import ArraysFile, load
from byzdl.data.features import random_share
from byzdl.samples import Sample

X, Y = np.arange(12).reshape(4, 3), np.array([7, 9, 9, 7])
WHOLE = {"x_train": X, "y_train": Y, "x_test": X[:2], "y_test": Y[:2]}
IMAGES = np.arange(4 * 5 * 6, dtype=np.uint8).reshape(4, 5, 6)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def opened(arrays, **keys):
    np.savez("my.npz", **arrays)
    return load(ArraysFile(path="my.npz", cache="cache", **keys))


def said(arrays, **keys):
    with pytest.raises(ConfigError) as raised:
        opened(arrays, **keys)
    message = str(raised.value)
    assert "\n" not in message
    return message


def inputs(split):
    return split.batch(torch.arange(len(split)))[0]


# What is read


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", ">i4", "u8", "f2", ">f4", "f8", "g"])
def test_numbers_of_any_type_are_features_standardised_by_the_training_samples(dtype):
    values = np.array([[0, 1], [1, 1]]).astype(dtype)
    data = opened({"x_train": values, "y_train": Y[:2], "x_test": values[1:], "y_test": Y[1:2]})
    # The mean of 0 and 1 is 0.5, and so is the standard deviation. The second feature is constant.
    assert inputs(data.train).tolist() == [[-1, 0], [1, 0]]
    assert inputs(data.test).tolist() == [[1, 0]]
    assert data.sample == Sample((2,), "features")


def test_features_stay_as_they_are_if_told_so():
    data = opened(WHOLE, standardise=False)
    assert inputs(data.train).tolist() == X.tolist()
    assert inputs(data.train).dtype == torch.float32


def test_a_constant_that_floats_cannot_hold_is_centred_too():
    values = np.full((7, 1), 0.1)
    data = opened({"x_train": values, "y_train": np.arange(7) % 2, "x_test": [[0.2]], "y_test": [0]})
    assert inputs(data.train).abs().max() < 1e-9
    assert inputs(data.test).tolist() == [[pytest.approx(0.1)]]


@pytest.mark.parametrize("images", [IMAGES, IMAGES[..., None], np.stack([IMAGES] * 3, 3)])
def test_uint8_with_three_or_four_axes_are_images(images):
    data = opened({"x_train": images, "y_train": Y, "x_test": images[1:], "y_test": Y[1:]})
    channels = images.shape[3] if images.ndim == 4 else 1
    assert data.sample == Sample((channels, 5, 6))
    assert data.train.inputs[..., 0].tolist() == IMAGES.tolist()


def test_what_is_no_image_by_itself_is_one_if_told_so():
    arrays = {"x_train": IMAGES.astype(float), "y_train": Y, "x_test": IMAGES.astype(">i8"), "y_test": Y}
    assert opened(arrays).sample == Sample((5, 6), "features")
    data = opened(arrays, inputs="images")
    assert data.sample == Sample((1, 5, 6))
    assert data.test.inputs[..., 0].tolist() == IMAGES.tolist()


def test_images_are_features_if_told_so():
    data = opened({"x_train": IMAGES, "y_train": Y, "x_test": IMAGES, "y_test": Y}, inputs="features")
    assert data.sample == Sample((5, 6), "features")


def test_tokens_count_their_vocabulary():
    arrays = {"x_train": X.astype("u1"), "y_train": Y, "x_test": [[12, 0, 1]], "y_test": [9]}
    assert opened(arrays, inputs="tokens").sample == Sample((3,), "tokens", 13)
    data = opened(arrays, inputs="tokens", vocabulary=50)
    assert data.sample == Sample((3,), "tokens", 50)
    assert (inputs(data.train).dtype, inputs(data.train).tolist()) == (torch.int64, X.tolist())


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([9, -7, 9, 100], [1, 0, 1, 2]),
        (["dog", "cat", "dog", "emu"], [1, 0, 1, 2]),
        ([b"b", b"a", b"b", b"c"], [1, 0, 1, 2]),
        ([True, False, True, True], [1, 0, 1, 1]),
        ([[3], [2], [3], [4]], [1, 0, 1, 2]),
        (np.array([2**63, 0, 2**63, 2**64 - 1], np.uint64), [1, 0, 1, 2]),
    ],
)
def test_labels_of_any_kind_are_numbered_in_their_order(labels, classes):
    data = opened({**WHOLE, "y_train": labels, "y_test": labels[2:] if len(set(classes)) > 2 else labels[:2]})
    assert data.train.targets.tolist() == classes
    assert data.classes == len(set(classes))
    assert data.test.targets.tolist() == (classes[2:] if data.classes > 2 else classes[:2])


@pytest.mark.parametrize("targets", [[1.0, 3.0, 3.0, 5.0], [1, 3, 3, 5], [[1], [3], [3], [5]]])
def test_targets_of_a_regression_are_any_numbers(targets):
    data = opened({**WHOLE, "y_train": targets, "y_test": targets[1:3]}, task="regression")
    # The mean is 3, and the variance 2.
    assert data.train.targets.tolist() == pytest.approx([-(2**0.5), 0, 0, 2**0.5])
    assert data.classes is None


@pytest.mark.parametrize(
    "groups",
    [["b", "a", "b", "c"], [5, -1, 5, 9], [0.5, 0.25, 0.5, 2.0], np.array([2, 1, 2, 3], "M8[D]"), [[1], [0], [1], [2]]],
)
def test_users_of_any_type_are_numbered_in_their_order(groups):
    assert opened({**WHOLE, "groups": groups}).groups.tolist() == [1, 0, 1, 2]


def test_nobody_is_known_without_groups():
    assert opened(WHOLE).groups is None


def test_a_share_of_one_set_is_to_test_with_the_same_one_for_each_seed():
    x, y, users = np.arange(50.0)[:, None], np.arange(50) % 2, np.arange(50) // 10
    data = opened({"x": x, "y": y, "groups": users}, test_share=0.2, standardise=False)
    test = random_share(50, 0.2)
    assert inputs(data.test).tolist() == x[test].tolist()
    assert inputs(data.train).tolist() == x[~test].tolist()
    assert data.train.targets.tolist() == y[~test].tolist()
    assert data.groups.tolist() == users[~test].tolist()
    assert len(data.test) == 10


def test_a_folder_of_arrays_is_the_same_as_their_file(tmp_path):
    (tmp_path / "my").mkdir()
    for name, array in WHOLE.items():
        np.save(tmp_path / "my" / f"{name}.npy", array)
    (tmp_path / "my" / "notes.txt").write_text("from the lab")
    folder = load(ArraysFile(path="my", cache="cache"))
    assert folder.fingerprint == opened({**WHOLE, "z": X}).fingerprint


# What is refused

LAYOUT = (
    "dataset.path is 'my.npz', but must be an .npz file or a folder of .npy files, with x_train, y_train, x_test and "
    "y_test, or with x and y ("
)
NAN = np.where(X == 4, np.nan, X)

REFUSED = {
    "x_train holds nan in sample 1, but must hold finite numbers": ({"x_train": NAN}, {}),
    "x_test holds inf in sample 0, but must hold finite numbers": ({"x_test": np.full((2, 3), np.inf)}, {}),
    "x_train holds complex numbers (complex128), but must hold numbers": ({"x_train": X * 1j}, {}),
    "x_train holds texts (<U2), but must hold numbers": ({"x_train": X.astype("U2")}, {}),
    "x_train holds dates (datetime64[s]), but must hold numbers": ({"x_train": X.astype("M8[s]")}, {}),
    "x_train holds records ([('a', '<f8')]), but must hold numbers": ({"x_train": np.zeros((4, 3), [("a", "f8")])}, {}),
    "y_test is [3], but must be [2], as x_test has 2 samples": ({"y_test": Y[:3]}, {}),
    "y_train is [4, 2], but must be [4], as x_train has 4 samples": ({"y_train": np.eye(2, dtype=int)[Y // 9]}, {}),
    "groups is [2], but must be [4], as x_train has 4 samples": ({"groups": Y[:2]}, {}),
    "groups holds NaN, but must name users": ({"groups": NAN[:, 1]}, {}),
    "samples of x_train are [3], and those of x_test are [2]": ({"x_test": X[:2, :2]}, {}),
    "x_train is [4], but must be [N, ...], with a sample and a value at least": ({"x_train": Y}, {}),
    "x_train is [4, 0], but must be [N, ...], with a sample and a value at least": ({"x_train": X[:, :0]}, {}),
    "x_train is [], but must be [N, ...], with a sample and a value at least": ({"x_train": 3}, {}),
    "no training sample has these labels of the test part: 8": ({"y_test": [7, 8]}, {}),
    "no training sample has these labels of the test part: '7', '9'": ({"y_test": ["7", "9"]}, {}),
    "all training samples have the label 7; there must be two or more": ({"y_train": [7] * 4, "y_test": [7, 7]}, {}),
    "y_train holds complex numbers (complex128), but must hold integers or texts": ({"y_train": Y * 1j}, {}),
    "y_train holds texts (<U2), but must hold numbers, as task=regression": ({"y_train": Y.astype("U2")}, {"task": "regression"}),
    "some targets are NaN, infinite, or too large for float32": ({"y_train": [1, 2, 1e99, 3]}, {"task": "regression"}),
    "all training samples have the target 3; there must be different ones": ({"y_train": [3.0] * 4}, {"task": "regression"}),
    "x_train holds numbers that are too large": ({"x_train": X * 1e307}, {}),
    "x_test holds numbers that are too large": ({"x_test": X[:2] + 1e300}, {"standardise": False}),
    "x_train is beside x; my.npz holds groups, x, x_test, x_train, y_test and 1 more": ({"x": X, "groups": Y}, {}),
    "x_train is [4, 3, 8, 9], with channels first; images are [N, height, width, channels], as np.moveaxis(x_train, 1, -1)": (
        {"x_train": np.zeros((4, 3, 8, 9), np.uint8), "x_test": np.zeros((2, 3, 8, 9), np.uint8)},
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("says", REFUSED)
def test_what_would_have_to_be_guessed_at_is_refused_by_its_name(says):
    arrays, keys = REFUSED[says]
    assert said({**WHOLE, **arrays}, **keys) == f"{LAYOUT}{says})"


OF_KEYS = {
    "dataset.task is 'classification', but must be regression (task=regression), as y_train in my.npz holds numbers (float64); "
    "labels are integers or texts": ({**WHOLE, "y_train": Y / 2}, {}),
    "dataset.test_share is None, but must be a number between 0 and 1, the share of x and y in my.npz to test with": ({"x": X, "y": Y}, {}),
    "dataset.test_share is 0.5, but must be null, as my.npz has x_test and y_test": (WHOLE, {"test_share": 0.5}),
    "dataset.test_share is 0.1, but must be a share of the 4 samples that leaves some to train on and some to test with": (
        {"x": X, "y": Y},
        {"test_share": 0.1},
    ),
    "dataset.inputs is 'images', but must be another kind than images (x_train is [4, 3]; images are [N, height, width, channels])": (
        WHOLE,
        {"inputs": "images"},
    ),
    "dataset.inputs is 'images', but must be another kind than images (x_train holds float64 from 0.0 to 0.5; images hold "
    "whole numbers from 0 to 255)": ({**WHOLE, "x_train": np.linspace(0, 0.5, 36).reshape(4, 3, 3), "x_test": np.zeros((2, 3, 3))}, {"inputs": "images"}),
    "dataset.inputs is 'tokens', but must be another kind than tokens (x_train is float64 [4, 3]; tokens are integers [N, length])": (
        {**WHOLE, "x_train": X * 1.0},
        {"inputs": "tokens"},
    ),
    "dataset.inputs is 'tokens', but must be another kind than tokens (x_train holds -1; tokens begin at 0)": (
        {**WHOLE, "x_train": X - 1},
        {"inputs": "tokens"},
    ),
    "dataset.vocabulary is 11, but must be at least 12, as my.npz has tokens up to 11": (WHOLE, {"inputs": "tokens", "vocabulary": 11}),
}  # fmt: skip


@pytest.mark.parametrize("says", OF_KEYS)
def test_a_key_to_change_is_named(says):
    arrays, keys = OF_KEYS[says]
    assert said(arrays, **keys) == says


@pytest.mark.parametrize(
    ("left_out", "says"),
    [
        (["y_test"], "y_test is missing; my.npz holds x_test, x_train, y_train"),
        ([*WHOLE], "x_train is missing; my.npz holds no array"),
    ],
)
def test_missing_names_are_told_with_those_that_are_there(left_out, says):
    assert said({name: array for name, array in WHOLE.items() if name not in left_out}) == f"{LAYOUT}{says})"


def test_objects_are_not_read():
    for name in ("x_train", "y_train", "groups"):
        objects = np.array([{}] * 4)
        assert f"({name} holds Python objects, but must hold numbers or texts)" in said({**WHOLE, name: objects})


def test_files_of_other_kinds_are_refused(tmp_path):
    def of(path):
        with pytest.raises(ConfigError) as raised:
            load(ArraysFile(path=path, cache="cache"))
        return str(raised.value)

    (tmp_path / "my.csv").write_text("a,b\n1,2\n")
    np.save("my.npy", X)
    np.savez("torn.npz", **WHOLE)
    whole = (tmp_path / "torn.npz").read_bytes()
    (tmp_path / "torn.npz").write_bytes(whole[:100])
    (tmp_path / "bits.npz").write_bytes(whole.replace(X.tobytes(), (X + 1).tobytes()))
    assert "(my.csv is no .npz file)" in of("my.csv")
    assert "(my.npy is no .npz file)" in of("my.npy")
    assert "(torn.npz is no .npz file)" in of("torn.npz")
    assert "x_train in bits.npz cannot be read: Bad CRC-32" in of("bits.npz")
    assert of(None) == "dataset.path is None, but must be the path of your data"
    for path in ("nowhere.npz", "x" * 5000):
        assert of(path) == f"dataset.path is {path!r}, but must be the path of your data; nothing is there"


# Whole runs

TINY = ["model=linear", "rounds=2", "batch_size=4", "topology=complete", "topology.n=3", "attack.br=0"]


def test_a_run_takes_them_by_content():
    x = np.random.default_rng(0).normal(size=(60, 4))
    np.savez("my.npz", x=x, y=np.where(x[:, 0] > 0, "up", "down"))
    shutil.copy("my.npz", "copy.npz")
    keys = ["dataset=arrays", "dataset.path=my.npz", "dataset.test_share=0.3", *TINY]
    run = byzdl.run(*keys, progress=False, folder="outputs")
    assert run.accuracy > 0.4
    config = compose(*keys)
    assert [*sources(config).values()] == [config["dataset"]["checksum"]]
    assert run_name(compose(*keys, "dataset.path=copy.npz")) == run_name(config)
    dataset = ArraysFile(path="copy.npz", test_share=0.3, name="arrays")
    assert byzdl.run(*TINY, dataset=dataset, progress=False, folder="outputs").folder == run.folder
    assert compose("dataset.path=nowhere.npz", from_=run.folder)["dataset"]["checksum"] is None
    np.savez("my.npz", x=x + 1, y=np.where(x[:, 0] > 0, "up", "down"))
    assert run_name(compose(*keys)) != run_name(config)


def test_a_regression_is_told_by_the_runs_task():
    x = np.random.default_rng(0).normal(size=(60, 4))
    np.savez("my.npz", x=x, y=x @ [1.0, 2.0, 0.0, 0.0])
    keys = ["dataset=arrays", "dataset.path=my.npz", "dataset.test_share=0.3", *TINY]
    assert "r2" in repr(byzdl.run(*keys, "task=regression", progress=False))
    with pytest.raises(
        ConfigError, match=r"dataset\.task is 'classification', but must be regression \(task=regression"
    ):
        byzdl.run(*keys, progress=False)


def test_a_path_without_a_checksum_is_a_part_of_the_identity():
    """Of a class of one's own, whose path may be anything."""
    config = compose()
    named = [{**config, "dataset": {"_target_": "mine.Data", "name": "mine", "path": path}} for path in "ab"]
    assert len({identity(one) for one in named}) == 2


def test_arrays_that_came_or_changed_after_the_configuration_are_refused():
    early = ArraysFile(path="my.npz", cache="cache")
    np.savez("my.npz", **WHOLE)
    with pytest.raises(ConfigError, match=r"^dataset\.checksum is None, but must be '\w+', the checksum of my\.npz as"):
        load(early)
    dataset = ArraysFile(path="my.npz", cache="cache")
    np.savez("my.npz", **{**WHOLE, "x_train": X + 1})
    with pytest.raises(
        ConfigError, match=r"^dataset\.checksum is '\w+', but must be '\w+', the checksum of my\.npz as"
    ):
        load(dataset)


def test_a_file_that_nobody_may_read_is_refused(monkeypatch):
    np.savez("my.npz", **WHOLE)
    dataset = ArraysFile(path="my.npz", cache="cache")

    def forbidden(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("byzdl.data.own_file.checksum", forbidden)
    with pytest.raises(ConfigError, match=r"^dataset\.path is 'my\.npz', but must be readable \(Permission denied\)$"):
        load(dataset)


def test_arrays_that_change_while_they_are_read_are_not_kept(monkeypatch, tmp_path):
    read = ArraysFile.read

    def slowly(self):
        found = read(self)
        np.savez("my.npz", **{**WHOLE, "x_train": X + 1})
        return found

    monkeypatch.setattr(ArraysFile, "read", slowly)
    assert "the checksum of my.npz as it is now" in said(WHOLE)
    assert not [*(tmp_path / "cache").glob("[!.]*")]
