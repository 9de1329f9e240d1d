"""Byzdl computes what a plain loop over modules computes: the yardstick of `make bench` is held to the same results.

A comparison of two commits runs the code of both.
"""

import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from helpers import chosen, flat, make_experiment, module_at
from omegaconf import OmegaConf
from torch import nn

from benchmarks import rules, scaling, setting, small, sweep, trees
from benchmarks.comparison import compared
from benchmarks.plain import PlainLoop, cnn
from benchmarks.timing import Timing
from benchmarks.trees import HERE, Tree, beside
from byzdl.attacks.max import Max
from byzdl.data import Synthetic, load
from byzdl.models import Cnn
from byzdl.simulation.flat_model import Batched
from byzdl.simulation.rounds import one_round
from byzdl.simulation.settings import Optimizer
from byzdl.topology import ErdosRenyi, draw_network


def textbook(module: nn.Module) -> nn.Module:
    """The plain loop's network at the parameters of one of ours: the same, in the same order."""
    plain = cnn(3, 8, (4, 6), 12, 10)
    plain.load_state_dict(dict(zip(plain.state_dict(), module.state_dict().values(), strict=True)))
    return plain


def test_rules_alone_are_mean_and_krum(tmp_path):
    n, d = 10, 40
    for step in rules.ours(n, d, 1, str(tmp_path)).values():
        step()
    models = rules.vectors(n, d)
    mean, krum = (np.load(tmp_path / f"ours-{rule}.npy") for rule in ("mean", "krum"))
    np.testing.assert_allclose(mean, models.mean(0), rtol=1e-5, atol=1e-6)
    # ByzFL's Krum with f = 2 of ten: the model nearest to its seven nearest.
    apart = np.sort(((models[:, None] - models) ** 2).sum(2), axis=1)[:, 1:8].sum(1)
    np.testing.assert_array_equal(krum, models[apart.argmin()])


def test_experiments_are_composed_as_runs_are(tmp_path, monkeypatch):
    monkeypatch.setattr(setting, "ROOT", tmp_path)
    assert setting.experiment("attack=alie_1.5").attack.name == "alie z=1.5"


def test_rounds_and_memory_of_the_scaling_part():
    step = scaling.steps(10, 2, 1, "cpu", ["model=mlp"])
    assert set(step["round"]()) == {"inside", "all"}
    assert step["memory"]()["matrix"] == 4 * 10 * (64 * 64 + 64 + 64 * 10 + 10)


def test_small_rounds_give_the_same_bits_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(setting, "ROOT", tmp_path)
    one, other = (small.Rounds(setting.experiment("defense=mean", f"rounds={small.ROUNDS}")) for _ in range(2))
    first = one.bits()
    one.advance()
    other.advance()
    assert one.bits() == other.bits() != first
    one.advance()  # after the last round, the first ones again
    assert one.bits() == other.bits()


def test_a_larger_sample_of_the_leaderboard_holds_a_smaller_one(tmp_path):
    cases = []
    for count in (3, 5):
        sweep.write_sample(tmp_path, count)
        cases.append(OmegaConf.load(tmp_path / "sample.yaml").hydra.sweeper.cases)
    assert [len(some) for some in cases] == [3, 5]
    assert cases[0] == cases[1][:3]
    assert {"defense", "attack", "attack.br", "seed", "topology", "partition"} <= set(cases[0][0])


def test_a_row_compares_two_commits(tmp_path):
    ours = Timing([3.0, 1.0, 3.0], [9.0] * 3, {"bits": {"models": "x", "momenta": "y"}})
    other = Timing([2.0, 4.0, 5.0], [9.0] * 3, {"bits": {"models": "x", "momenta": "z"}})
    assert "ratio" not in compared({HERE: ours})
    row = compared({HERE: ours, Tree("abc", tmp_path): other})
    assert row["ratio"] == 0.5
    assert row["note"] == "abc: 2 (4), ratio of medians 0.750, different bits in 1 of 2: momenta"


def test_the_other_commit_has_a_folder_of_its_own_for_a_while(tmp_path, monkeypatch):
    git = partial(subprocess.run, check=True, cwd=tmp_path, capture_output=True, text=True)
    git(["git", "init"])
    for content in ("old", "new"):
        (tmp_path / "file").write_text(content)
        git(["git", "add", "file"])
        git(["git", "-c", "user.name=n", "-c", "user.email=e", "commit", "-m", content])
    monkeypatch.setattr(trees, "ROOT", tmp_path)
    seen = []

    def failing(tree):
        seen.append((tree.folder / "file").read_text())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), beside("HEAD~1") as (_, tree):
        failing(tree)
    assert seen == ["old"]
    assert not tree.folder.exists()
    assert len(git(["git", "worktree", "list"]).stdout.splitlines()) == 1
    with pytest.raises(SystemExit, match="nonsense"), beside("nonsense"):
        pass


@pytest.mark.parametrize("holds", [False, True])
def test_a_worker_takes_byzdl_from_its_tree_alone(tmp_path, holds):
    if holds:
        (tmp_path / "byzdl").mkdir()
        (tmp_path / "byzdl" / "__init__.py").touch()
    code = f"from benchmarks.work import enter; enter({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=trees.ROOT, capture_output=True, text=True)
    assert done.returncode == (0 if holds else 1)
    assert ("must be that of" in done.stderr) != holds


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("defense", ["local", "d_krum", "ubar", "loss_threshold"])
def test_rounds_are_those_of_the_plain_loop(tmp_path, monkeypatch, defense, batched):
    if batched:
        monkeypatch.setattr("byzdl.simulation.flat_model.OneByOne", Batched)
    model = Cnn(name="cnn", channels=[4, 6], hidden=12)
    data = load(Synthetic(name="s", cache=str(tmp_path), channels=3, size=8, train_count=1200, noise=32.0))
    network = draw_network(ErdosRenyi(name="erdos_renyi", n=10, cr=0.4), br=0.3, seed=0)
    experiment = make_experiment(
        data,
        network,
        model=model,
        attack=Max(name="max", br=0.3),
        defense=chosen("defense", defense),
        batch_size=32,
        optimizer=Optimizer(lr=0.1, momentum=0.9),
    )
    state = experiment.initial()
    # Apart from each other from the start, so that distances and losses tell models apart.
    models = state.models + 0.15 * torch.randn(state.models.shape, generator=torch.Generator().manual_seed(0))
    state, mixed = state._replace(models=models), False
    modules = {i: textbook(module_at(model, data, x)) for i, x in zip(experiment.learners, models, strict=True)}
    loop = PlainLoop(network.neighbours, network.byzantine, modules, defense, lr=0.1, momentum=0.9)
    for t in range(3):  # an epoch is three rounds: theta has not moved yet
        batches = {i: experiment.batch([row], t) for row, i in enumerate(experiment.learners)}
        loop.round({i: (images[0].contiguous(), labels[0]) for i, (images, labels) in batches.items()})
        state, _ = one_round(experiment, state)
        expected = torch.stack([flat(module) for module in modules.values()])
        torch.testing.assert_close(state.models, expected, rtol=1e-3, atol=1e-5)
        mixed = mixed or bool((state.tally.alone < state.tally.rounds).any())
    assert mixed == (defense != "local")
