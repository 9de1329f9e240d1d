"""Data splits, local updates and flipped labels beside ByzFL's, where it is installed."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import chosen, graph, make_experiment
from scipy.stats import ks_2samp
from torch.utils.data import DataLoader, Dataset

from byzdl.data import Synthetic, load
from byzdl.models import Mlp
from byzdl.simulation.rounds import one_round
from byzdl.simulation.settings import Optimizer

byzfl = pytest.importorskip("byzfl", reason="make peers installs it")

CLASSES, NODES = 10, 5


@pytest.fixture(autouse=True)
def _global_random_numbers():
    """ByzFL draws from them: from one seed, and nobody else's are moved."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)
        yield
    random.setstate(python)
    np.random.set_state(numpy)


class Labelled(Dataset):
    """Labels, and no images."""

    def __init__(self, labels):
        self.targets = torch.from_numpy(labels)

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        return torch.zeros(1), self.targets[i]


def theirs(labels, name, parameter=1.0):
    """How many samples of each class each node has: [node, class]."""
    settings = {
        "data_distribution_name": name,
        "distribution_parameter": parameter,
        "nb_honest": NODES,
        "batch_size": 8,
    }
    loaders = byzfl.DataDistributor({**settings, "data_loader": DataLoader(Labelled(labels))}).split_data()
    return counts(labels, [np.asarray(loader.dataset.indices, dtype=int) for loader in loaders])


def ours(labels, seed, name, **keys):
    return counts(labels, chosen("partition", name, **keys).split(labels, NODES, np.random.default_rng(seed)))


def counts(labels, parts):
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    return np.stack([np.bincount(labels[part], minlength=CLASSES) for part in parts])


def shuffled(seed, samples=600):
    return np.random.default_rng(seed).permutation(np.arange(samples) % CLASSES)


def test_extreme_split_is_no_similarity():
    """Sorted by label and cut: there is one way to do it. 599 samples, so that parts differ in size."""
    labels = shuffled(1, 599)
    np.testing.assert_array_equal(ours(labels, 0, "similarity", gamma=0.0), theirs(labels, "extreme_niid"))


def test_iid_parts_are_as_large():
    labels = shuffled(2, 599)
    np.testing.assert_array_equal(ours(labels, 0, "iid").sum(1), theirs(labels, "iid").sum(1))


@pytest.mark.parametrize("gamma", [0.25, 0.5])
def test_similarity(gamma):
    """ByzFL's random share is the first of the data as they come, here it is drawn: alike where they come in random order."""
    draws = [
        (ours(labels, seed, "similarity", gamma=gamma), theirs(labels, "gamma_similarity_niid", gamma))
        for seed, labels in ((seed, shuffled(seed)) for seed in range(60))
    ]
    mine, other = np.moveaxis(np.array(draws, dtype=float), 1, 0)
    np.testing.assert_array_equal(mine.sum(2), other.sum(2))  # sizes, in every draw
    error = np.sqrt((mine.var(0) + other.var(0)) / len(draws))
    assert (np.abs(mine.mean(0) - other.mean(0)) <= 4.5 * error + 0.1).all()


@pytest.mark.parametrize("alpha", [0.3, 3.0])
def test_dirichlet(alpha):
    """Class by class in both. ByzFL rounds cuts down, so that its last node has some of every class; here to the nearest, so that none is favoured."""
    labels = shuffled(0, 4000)
    draws = [
        (ours(labels, seed, "dirichlet", alpha=alpha), theirs(labels, "dirichlet_niid", alpha)) for seed in range(40)
    ]
    mine, other = np.moveaxis(np.array(draws), 1, 0)
    for node in range(1, NODES - 1):
        assert ks_2samp(mine[:, node].ravel(), other[:, node].ravel()).pvalue > 0.01
    assert other[:, -1].min() > 0


def client(flips):
    """ByzFL's worker of a network of 784, 100 and 10 units."""
    return byzfl.Client(
        {
            "model_name": "fc_mnist",
            "device": "cpu",
            "loss_name": "CrossEntropyLoss",
            "LabelFlipping": flips,
            "nb_labels": CLASSES,
            "momentum": 0.9,
            "training_dataloader": DataLoader(Labelled(shuffled(0))),
            "store_per_client_metrics": False,
        }
    )


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    cache = str(tmp_path_factory.mktemp("cache"))
    return load(
        Synthetic(name="synthetic", cache=cache, classes=CLASSES, size=28, train_count=80, test_count=20, noise=48.0)
    )


def test_averaged_momentum_is_that_of_byzfls_workers(images):
    """Robust D-SHB's m <- beta m + (1 - beta) g is `optimizer.average`; eq. 2's heavy ball is the default."""
    experiment = make_experiment(
        images,
        graph(2, [(0, 1)]),
        model=Mlp(name="mlp", hidden=100),
        optimizer=Optimizer(lr=0.5, momentum=0.9, average=True),
    )
    state, worker = experiment.initial(), client(flips=False)
    x = state.models[0].clone()
    for t in range(4):
        images_seen, labels = experiment.batch([0], t)
        worker._sample_train_batch = lambda seen=(images_seen[0], labels[0]): seen
        worker.set_parameters(x)
        worker.compute_gradients()
        x = x - 0.5 * worker.get_flat_gradients_with_momentum()
        state, _ = one_round(experiment, state)
        torch.testing.assert_close(state.models[0], x, rtol=1e-4, atol=1e-6)
    assert (x - experiment.initial().models[0]).abs().max() > 1e-3


def test_flipped_labels(images):
    """y -> 9 - y in both. ByzFL's attackers send the mean of what the honest would, had they such labels; here each has data of its own."""
    experiment = make_experiment(
        images,
        graph(2, [(0, 1)], byzantine=[1]),
        model=Mlp(name="mlp", hidden=100),
        optimizer=Optimizer(lr=0.5, momentum=0.0),
        attack=chosen("attack", "label_flip", br=0.5),
    )
    honest = replace(experiment, attack=chosen("attack", "none", br=0.5))  # the same batch, labels as they are
    state, worker = experiment.initial(), client(flips=True)
    x = state.models[1].clone()
    pictures, labels = honest.batch([1], 0)
    worker._sample_train_batch = lambda: (pictures[0], labels[0])
    worker.set_parameters(x)
    worker.compute_gradients()
    state, _ = one_round(experiment, state)
    torch.testing.assert_close(state.models[1], x - 0.5 * worker.get_flat_flipped_gradients(), rtol=1e-4, atol=1e-6)
    assert not torch.allclose(worker.get_flat_flipped_gradients(), worker.get_flat_gradients())
