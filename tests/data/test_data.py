"""Data sets, their cache, their splits, and the order of a node's samples."""

import json
import re
from collections.abc import Mapping, Sequence
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import choices, chosen
from hypothesis import given
from hypothesis import strategies as st

from byzdl.config.types import ConfigError
from byzdl.data import (
    Arrays,
    Digits,
    Dirichlet,
    Iid,
    LabelsPerNode,
    QuantitySkew,
    Rotation,
    Shards,
    Similarity,
    Synthetic,
    TorchvisionDataset,
    divide,
    load,
)
from byzdl.data.batches import Batches
from byzdl.data.dataset import Dataset
from byzdl.data.partition import Holding

LABELS = np.arange(600) % 10


class Fixed(Dataset):
    """Four training images and two test images of 1x2 pixels."""

    def signature(self) -> Mapping[str, Any]:
        return {}

    def decode(self) -> Arrays:
        train = np.array([0, 10, 20, 30, 40, 50, 60, 70], dtype=np.uint8).reshape(4, 1, 2, 1)
        test = np.array([100, 110, 120, 130], dtype=np.uint8).reshape(2, 1, 2, 1)
        return Arrays(train, np.array([0, 1, 0, 1]), test, np.array([1, 0]), classes=2)


def test_images_are_standardised_by_the_training_statistics_of_their_channel(tmp_path: Path) -> None:
    data = load(Fixed(name="fixed", cache=str(tmp_path)))
    # mean of 0, 10, .. 70 is 35; the variance is (35^2 + 25^2 + 15^2 + 5^2) * 2 / 8 = 525
    images, labels = data.test.batch(torch.tensor([1]))
    assert images.shape == (1, 1, 1, 2)
    torch.testing.assert_close(images.flatten(), torch.tensor([(120 - 35) / 525**0.5, (130 - 35) / 525**0.5]))
    assert labels.tolist() == [0]
    assert (data.sample.shape, data.classes) == ((1, 1, 2), 2)


def test_a_data_set_is_decoded_once_and_mapped_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(Fixed(name="fixed", cache=str(tmp_path)))
    monkeypatch.setattr(Fixed, "decode", lambda self: pytest.fail("decoded twice"))
    second = load(Fixed(name="fixed", cache=str(tmp_path)))
    assert second.fingerprint == first.fingerprint
    assert torch.equal(first.train.inputs, second.train.inputs)


def _load(cache: str) -> None:
    load(Fixed(name="fixed", cache=cache))


def test_two_processes_that_build_one_cache_leave_one_whole_cache(tmp_path: Path, processes: BaseContext) -> None:
    both = [processes.Process(target=_load, args=(str(tmp_path),)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    (folder,) = tmp_path.glob("[!.]*")
    assert json.loads((folder / "meta.json").read_text())["classes"] == 2


def test_a_subset_of_the_test_images_is_the_same_for_every_run(tmp_path: Path) -> None:
    whole = load(Synthetic(name="s", cache=str(tmp_path), test_count=50))
    some = load(Synthetic(name="s", cache=str(tmp_path), test_count=50, test_samples=20))
    again = load(Synthetic(name="s", cache=str(tmp_path), test_count=50, test_samples=20))
    assert len(some.test) == 20
    np.testing.assert_array_equal(some.test.inputs, again.test.inputs)
    known = {image.numpy().tobytes() for image in whole.test.inputs}
    assert {image.numpy().tobytes() for image in some.test.inputs} <= known


def test_digits_are_whole_and_split_by_class(tmp_path: Path) -> None:
    digits = Digits(name="digits", cache=str(tmp_path))
    data = load(digits)
    assert (len(data.train), len(data.test), data.sample.shape, data.classes) == (1433, 364, (1, 8, 8), 10)
    assert digits.train_size == len(data.train)
    assert np.bincount(data.test.targets).min() >= 35
    train = {image.numpy().tobytes() for image in data.train.inputs}
    assert not train & {image.numpy().tobytes() for image in data.test.inputs}


def test_torchvision_files_are_read_where_they_lie(tmp_path: Path) -> None:
    """MNIST in its own file format, two images of each part, no download."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        images = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
        header = b"\x00\x00\x08\x03" + b"".join(n.to_bytes(4, "big") for n in images.shape)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(b"\x00\x00\x08\x01" + (2).to_bytes(4, "big") + bytes([3, 1]))
    data = load(TorchvisionDataset(name="mnist", source="MNIST", root=str(tmp_path), cache=str(tmp_path / "cache")))
    assert data.sample.shape == (1, 28, 28)
    assert data.train.targets.tolist() == [3, 1]
    np.testing.assert_array_equal(data.train.inputs[1, 0, :3, 0], np.arange(784, 787) % 256)


def holders(labels: np.ndarray, holdings: Sequence[Holding]) -> np.ndarray:
    """How many nodes hold each class."""
    return np.sum([np.bincount(labels[h.train], minlength=10) > 0 for h in holdings], axis=0)


@pytest.mark.parametrize("name", choices("partition"))
@pytest.mark.parametrize("validation", [0.0, 0.2])
def test_every_sample_goes_to_exactly_one_node(name: str, validation: float) -> None:
    holdings = divide(chosen("partition", name, validation=validation), LABELS, n=7, batch_size=4, seed=3)
    assert len(holdings) == 7
    parts = [part for h in holdings for part in (h.train, h.validation)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(600))
    assert all(len(h.train) >= 4 for h in holdings)


@pytest.mark.parametrize("name", choices("partition"))
def test_a_split_is_the_seeds_and_changes_with_it(name: str) -> None:
    def drawn(seed: int) -> list[list[int]]:
        return [h.train.tolist() for h in divide(chosen("partition", name), LABELS, n=7, batch_size=4, seed=seed)]

    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)


def test_iid_parts_are_equal_up_to_one_and_mixed() -> None:
    holdings = divide(Iid(name="iid"), LABELS, n=7, batch_size=4, seed=0)
    assert {len(h.train) for h in holdings} == {85, 86}  # 600 = 5 x 86 + 2 x 85
    assert all(len(np.unique(LABELS[h.train])) == 10 for h in holdings)


def test_shards_give_few_classes() -> None:
    # 600 samples, 60 a class, in 10 x 2 shards of 30: each of one class.
    holdings = divide(Shards(name="shards", classes=2), LABELS, n=10, batch_size=4, seed=0)
    assert all(len(np.unique(LABELS[h.train])) <= 2 for h in holdings)


def test_labels_per_node_gives_exactly_that_many() -> None:
    # 10 classes of 60, 7 nodes of 3: 21 places, so one class is held by three nodes and nine by two.
    for seed in range(5):
        holdings = divide(LabelsPerNode(name="l", classes=3), LABELS, n=7, batch_size=4, seed=seed)
        assert [len(np.unique(LABELS[h.train])) for h in holdings] == [3] * 7
        assert sorted(holders(LABELS, holdings)) == [2] * 9 + [3]
        for h in holdings:  # 60 over two or three
            assert set(np.bincount(LABELS[h.train]).tolist()) <= {0, 20, 30}


@given(st.integers(1, 25), st.integers(1, 10), st.integers(0, 10**6))
def test_labels_per_node_holds_each_class_as_often_as_any_other(n: int, classes: int, seed: int) -> None:
    labels = np.arange(250) % 10
    if n * classes < 10:
        with pytest.raises(ConfigError, match=r"partition\.classes"):
            divide(LabelsPerNode(name="l", classes=classes), labels, n, 1, seed)
        return
    holdings = divide(LabelsPerNode(name="l", classes=classes), labels, n, 1, seed)
    assert {len(np.unique(labels[h.train])) for h in holdings} == {classes}
    assert np.ptp(holders(labels, holdings)) <= 1
    assert sorted(np.concatenate([h.train for h in holdings]).tolist()) == list(range(250))


@pytest.mark.parametrize(
    ("classes", "n", "says"),
    [
        (
            11,
            7,
            "is 11, but must be an integer from 2 (so that 7 nodes hold every class) to 10 (the number of classes)",
        ),
        (1, 7, "is 1, but must be an integer from 2 (so that 7 nodes hold every class) to 10"),
        (10, 61, "is 10, but must be smaller: 61 of 61 nodes would share the 60 samples of class 0"),
    ],
)
def test_labels_per_node_refuses_impossible_numbers(classes: int, n: int, says: str) -> None:
    with pytest.raises(ConfigError) as raised:
        divide(LabelsPerNode(name="l", classes=classes), LABELS, n, 1, seed=0)
    assert f"partition.classes {says}" in str(raised.value)


def test_no_similarity_is_sorted_by_label_and_dealt_in_order() -> None:
    holdings = divide(Similarity(name="s", gamma=0.0), LABELS, n=5, batch_size=4, seed=0)
    assert [sorted(set(LABELS[h.train])) for h in holdings] == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    assert {len(h.train) for h in holdings} == {120}


def test_similarity_by_hand() -> None:
    # A quarter of 600 is dealt at random, 30 a node; the other 450, about 45 a class, in order, 90 a node.
    holdings = divide(Similarity(name="s", gamma=0.25), LABELS, n=5, batch_size=4, seed=0)
    assert {len(h.train) for h in holdings} == {120}
    for i, h in enumerate(holdings):
        counts = np.bincount(LABELS[h.train], minlength=10)
        assert counts[2 * i : 2 * i + 2].sum() > 80
        # Samples of all other classes are among the 30.
        near = range(max(0, 2 * i - 1), min(10, 2 * i + 3))
        assert counts[[c for c in range(10) if c not in near]].sum() <= 30


def test_full_similarity_is_iid() -> None:
    counts = [
        np.bincount(LABELS[h.train], minlength=10)
        for h in divide(Similarity(name="s", gamma=1.0), LABELS, n=3, batch_size=4, seed=0)
    ]
    assert {int(c.sum()) for c in counts} == {200}
    assert min(c.min() for c in counts) >= 10  # 20 expected


@given(st.integers(1, 12), st.floats(0, 1), st.integers(0, 10**6))
def test_similarity_deals_everything_evenly(n: int, gamma: float, seed: int) -> None:
    parts = Similarity(name="s", gamma=gamma).split(LABELS, n, np.random.default_rng(seed))
    assert sorted(np.concatenate(parts).tolist()) == list(range(600))
    assert np.ptp([len(part) for part in parts]) <= 2


def test_quantities_are_skewed_as_beta_falls_and_classes_are_not() -> None:
    def sizes(beta: float) -> list[int]:
        holdings = divide(QuantitySkew(name="q", beta=beta), LABELS, n=5, batch_size=4, seed=0)
        return [len(h.train) for h in holdings]

    assert max(sizes(0.3)) > max(sizes(3.0)) > max(sizes(1e4))
    assert all(abs(size - 120) <= 6 for size in sizes(1e4))
    assert sum(sizes(0.3)) == 600
    (largest,) = [
        h for h in divide(QuantitySkew(name="q", beta=0.3), LABELS, 5, 4, 0) if len(h.train) == max(sizes(0.3))
    ]
    assert np.bincount(LABELS[largest.train], minlength=10).min() > 0.5 * len(largest.train) / 10


def test_quantities_are_drawn_until_each_node_has_a_batch() -> None:
    for seed in range(5):
        holdings = divide(QuantitySkew(name="q", beta=1.0), LABELS, n=6, batch_size=30, seed=seed)
        assert min(len(h.train) for h in holdings) >= 30
    with pytest.raises(ConfigError, match="batch_size is 99, but must be at most"):
        divide(QuantitySkew(name="q", beta=0.1), LABELS, n=6, batch_size=99, seed=0)


def test_rotation_turns_anticlockwise_by_the_nodes_own_angle() -> None:
    corner = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    turned = {90: [[2, 4], [1, 3]], 180: [[4, 3], [2, 1]], 270: [[3, 1], [4, 2]]}
    for angle, expected in turned.items():
        holdings = divide(Rotation(name="r", angles=[angle]), LABELS, n=3, batch_size=4, seed=0)
        assert all(h.view is not None and h.view(corner[None, None]).tolist() == [[expected]] for h in holdings)
        assert all(h.test_view is None for h in holdings)
    assert all(h.view is None for h in divide(Rotation(name="r", angles=[0]), LABELS, n=3, batch_size=4, seed=0))


def test_angles_are_the_seeds_and_the_nodes_and_all_come_up() -> None:
    rotation = Rotation(name="r")
    angles = [rotation.angle(node, seed=0) for node in range(200)]
    assert np.bincount(np.array(angles) // 90).min() > 25  # 50 expected
    assert [rotation.angle(node, seed=0) for node in range(200)] == angles
    assert [rotation.angle(node, seed=1) for node in range(200)] != angles
    # The split beneath is the iid one of the seed: runs with and without a shift can be compared in pairs.
    for mine, plain in zip(*(divide(p, LABELS, 5, 4, 0) for p in (rotation, Iid(name="iid"))), strict=True):
        assert mine.train.tolist() == plain.train.tolist()


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("quantity_skew", "beta", 0.0),
        ("labels_per_node", "classes", 0),
        ("similarity", "gamma", 1.5),
        ("rotation", "angles", [45]),
        ("rotation", "angles", []),
        ("rotation", "test", "turned"),
    ],
)
def test_a_key_out_of_range_is_named(name: str, key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"partition.{key} is {value!r}, but must be")):
        chosen("partition", name, **{key: value})


def test_dirichlet_skew_grows_as_alpha_falls() -> None:
    def skew(alpha: float) -> float:
        holdings = divide(Dirichlet(name="d", alpha=alpha), LABELS, n=5, batch_size=1, seed=0)
        shares = [np.bincount(LABELS[h.train], minlength=10) / len(h.train) for h in holdings]
        return float(np.mean([share.max() for share in shares]))

    assert skew(0.1) > skew(1.0) > skew(100.0)
    assert skew(10_000.0) < 0.12  # nearly the even 0.1


def test_a_split_that_cannot_fill_a_batch_is_refused() -> None:
    with pytest.raises(ConfigError, match="batch_size is 61, but must be at most 60"):
        divide(Iid(name="iid"), LABELS, n=10, batch_size=61, seed=0)


def test_the_hold_out_is_the_nodes_own_and_apart_from_training() -> None:
    holdings = divide(Iid(name="iid", validation=0.25), LABELS, n=6, batch_size=4, seed=0)
    for holding in holdings:
        assert (len(holding.train), len(holding.validation)) == (75, 25)
        assert not set(holding.train) & set(holding.validation)


def test_an_epoch_shows_each_sample_at_most_once_and_is_reshuffled() -> None:
    holdings = (Holding(np.arange(10), np.arange(0)), Holding(np.arange(10, 23), np.arange(0)))
    batches = Batches(holdings, batch_size=4, seed=0)
    assert [batches.epoch_length(i) for i in (0, 1)] == [2, 3]  # floor(10 / 4), floor(13 / 4)
    first = np.concatenate([batches.current(1, r) for r in (0, 1, 2)])
    second = np.concatenate([batches.current(1, r) for r in (3, 4, 5)])
    for epoch in (first, second):
        assert len(set(epoch)) == 12
        assert set(epoch) <= set(range(10, 23))
    assert first.tolist() != second.tolist()


def test_batches_depend_on_seed_node_and_round_alone() -> None:
    holdings = (Holding(np.arange(40), np.arange(0)), Holding(np.arange(40), np.arange(0)))
    forward, backward = Batches(holdings, 4, seed=0), Batches(holdings, 4, seed=0)
    expected = [forward.current(0, r).tolist() for r in range(25)]
    assert [backward.current(0, r).tolist() for r in reversed(range(25))] == expected[::-1]
    assert forward.current(1, 0).tolist() != expected[0]
    assert Batches(holdings, 4, seed=1).current(0, 0).tolist() != expected[0]


def test_a_fresh_batch_is_another_one_of_the_own_data() -> None:
    batches = Batches((Holding(np.arange(100, 140), np.arange(0)),), 8, seed=0)
    fresh = batches.fresh(0, 5)
    assert len(set(fresh)) == 8
    assert set(fresh) <= set(range(100, 140))
    assert set(fresh) != set(batches.current(0, 5))
    assert set(fresh) != set(batches.fresh(0, 6))
