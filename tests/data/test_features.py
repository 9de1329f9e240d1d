"""Samples that are no images: read as they are, standardised by the training part alone."""

import numpy as np
import pytest
import torch

from byzdl.config.types import ConfigError, RuleError
from byzdl.data import Arrays, Dataset, load
from byzdl.data.features import every_fifth, random_share, standardised
from byzdl.samples import Sample

X, Y = np.arange(12, dtype=np.float32).reshape(4, 3), np.array([0, 1, 1, 0])


class Given(Dataset):
    """Whatever a test gives."""

    arrays: object = None

    def signature(self):
        return {}

    def decode(self):
        return self.arrays


def loaded(cache, *arrays, **more):
    return load(Given(arrays=Arrays(*arrays, **more), cache=str(cache)))


def test_features_of_any_shape_are_read_as_they_are(tmp_path):
    deep = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    data = loaded(tmp_path, deep, Y, deep[:1], Y[:1], 2)
    inputs, targets = data.train.batch(torch.tensor([[2, 0], [1, 1]]))
    assert inputs.dtype == torch.float32
    assert inputs.tolist() == deep[[[2, 0], [1, 1]]].tolist()
    assert targets.tolist() == [[1, 0], [1, 1]]
    assert data.sample == Sample((3, 2), "features")


def test_tokens_stay_integers(tmp_path):
    tokens = np.array([[4, 0], [1, 1]])
    data = loaded(tmp_path, tokens, Y[:2], tokens, Y[:2], 2, vocabulary=5)
    inputs, _ = data.test.batch(torch.tensor([1, 0]))
    assert (inputs.dtype, inputs.tolist()) == (torch.int64, [[1, 1], [4, 0]])
    assert data.sample == Sample((2,), "tokens", 5)


def test_targets_of_a_regression_are_standardised_by_the_training_ones(tmp_path):
    # The mean of 1, 3, 3, 5 is 3, and their variance 2.
    data = loaded(tmp_path, X, np.array([1, 3, 3, 5], np.float32), X[:1], np.array([7], np.float32), None)
    assert (data.target_mean, data.target_std) == (3.0, pytest.approx(2**0.5))
    torch.testing.assert_close(data.train.targets, torch.tensor([-2.0, 0, 0, 2]) / 2**0.5)
    torch.testing.assert_close(data.test.targets, torch.tensor([4.0]) / 2**0.5)
    assert (data.classes, data.outputs) == (None, 1)


def test_classes_of_a_regression_are_tenths_of_its_targets(tmp_path):
    targets = np.array([*range(20)], np.float32)[::-1].copy()
    inputs = np.zeros((20, 1), np.float32)
    data = loaded(tmp_path, inputs, targets, inputs, targets, None)
    assert data.labels.tolist() == [place // 2 for place in range(20)][::-1]


def test_a_constant_target_has_one_class(tmp_path):
    targets = np.full(4, 2.5, np.float32)
    data = loaded(tmp_path, X, targets, X, targets, None)
    assert data.labels.tolist() == [0] * 4
    assert data.train.targets.tolist() == [0.0] * 4


def test_standardising_looks_at_training_samples_alone():
    train, test = np.array([[0.0], [10.0]]), np.array([[1e9]])
    assert standardised(train, test)[0].tolist() == [[-1], [1]]
    assert standardised(train, test * 2)[0].tolist() == [[-1], [1]]


def test_test_samples_are_spread_over_the_classes_or_drawn():
    labels = np.arange(50) % 3
    assert np.bincount(labels[every_fifth(labels)]).tolist() == [4, 4, 4]  # of 17, 17 and 16
    assert random_share(50, 0.3).sum() == 15
    assert (random_share(50, 0.3) == random_share(50, 0.3)).all()


WRONG = {
    r"returns train_inputs that are not finite": (X * np.nan, Y, X, Y, 2),
    r"returns train_inputs as float32 \[4\], but must as \[N, ...\]": (X[:, 0], Y, X, Y, 2),
    r"returns train_targets as int64 \[4\], but must as a numpy array of float32 \[N\]": (X, Y, X, Y, None),
    r"returns train targets that are not finite": (X, X[:, 0] + np.inf, X, X[:, 0], None),
    r"returns inputs to train and to test with of float32 \[3\] and float32 \[2\], but must": (X, Y, X[:, :2], Y, 2),
    r"returns tokens in train_inputs from 0 to 11, but must return some of 0 .. 10": (
        *(X.astype(np.int64), Y, X.astype(np.int64), Y, 2),
        11,
    ),
    r"returns 3 groups, but must return one for each of 4 training samples": (X, Y, X, Y, 2, 0, Y[:3]),
    r"returns groups from 0 to 2, but must number users from 0, all of them": (X, Y, X, Y, 2, 0, Y * 2),
    r"returns groups as float32 \[4\], but must as a numpy array of int64 \[N\]": (X, Y, X, Y, 2, 0, X[:, 0]),
}


@pytest.mark.parametrize("says", WRONG)
def test_wrong_arrays_are_one_line(tmp_path, says):
    with pytest.raises(RuleError, match=rf"^test_features\.Given\.decode: {says}[^\n]*$"):
        loaded(tmp_path, *WRONG[says])


def test_groups_are_kept_and_change_the_fingerprint(tmp_path):
    plain = loaded(tmp_path / "a", X, Y, X, Y, 2)
    owned = loaded(tmp_path / "b", X, Y, X, Y, 2, groups=np.array([0, 1, 0, 2]))
    assert plain.groups is None
    assert owned.groups is not None
    assert owned.groups.tolist() == [0, 1, 0, 2]
    assert plain.fingerprint != owned.fingerprint


def test_what_is_for_images_is_refused_elsewhere(tmp_path):
    import byzdl

    def said(**keys):
        with pytest.raises(ConfigError) as raised:
            byzdl.run("dataset=wine", f"dataset.cache={tmp_path}", batch_size=8, rounds=1, progress=False, **keys)
        return str(raised.value)

    assert said(model="cnn") == (
        "model is 'cnn', but must be a network that reads features [13]; this one reads images"
    )
    assert said(augment=["crop"]) == "augment is ['crop'], but must be [], as samples are features [13], and no images"
    assert said(partition="rotation").startswith("partition is 'rotation', but must be another split, as samples are")
    assert said(attack="backdoor").startswith("attack is 'backdoor', but must be one without a trigger, as samples are")
    assert said(task="regression") == (
        "task is 'regression', but must be classification, as the targets of dataset=wine are classes"
    )
