"""`byzdl.run`: the same run as on the command line, in memory or in a folder."""

import logging
from pathlib import Path

import networkx as nx
import pandas as pd
import pytest
import torch
from command_line import TINY, train_here

import byzdl
from byzdl.config.columns import EDGE_COLUMNS, NODE_COLUMNS, ROUND_COLUMNS
from byzdl.config.types import ConfigError, Positive, RuleError
from byzdl.defenses import Defense
from byzdl.defenses.ubar import Ubar
from byzdl.exchange import Mix
from byzdl.topology import Ring


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Half(Defense):
    """Gossip by a share of the mixing weights."""

    share: Positive = 0.5

    def aggregate(self, state, inbox):
        weights = self.share * inbox.metropolis * inbox.valid
        return state, Mix(inbox.combine(weights), inbox.valid, weights)


class Counting(Half):
    """Remembers how many rounds there were, and how often each neighbour was heard."""

    def init(self, learners, neighbours):
        return torch.zeros(learners), torch.zeros(learners, neighbours)

    def aggregate(self, state, inbox):
        _, mix = super().aggregate((), inbox)
        return (state[0] + 1, state[1] + inbox.present), mix

    def report(self, state):
        return {"calls": state[0], "heard": state[1]}


def without_seconds(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns="seconds", errors="ignore")


def test_a_run_in_memory_is_the_run_of_the_command_line(tmp_path):
    there = byzdl.run(*TINY, "defense=loss_threshold", attack="alie", seed=3, folder="mine")
    here = byzdl.run(*TINY, "defense=loss_threshold", "attack=alie", "seed=3")
    assert here.folder is None
    for name, columns in (("rounds", ROUND_COLUMNS), ("nodes", NODE_COLUMNS), ("edges", EDGE_COLUMNS)):
        assert tuple(getattr(here, name).columns) == columns
        pd.testing.assert_frame_equal(without_seconds(getattr(here, name)), without_seconds(getattr(there, name)))
    assert here.config == there.config
    assert nx.utils.graphs_equal(here.network, there.network)
    typed = train_here(*TINY, "defense=loss_threshold", "attack=alie", "seed=3", cwd=tmp_path)
    assert typed.returncode == 0, typed.stderr
    assert there.folder is not None
    ours, theirs = there.folder, tmp_path / "outputs" / there.folder.name
    assert {file.name for file in ours.iterdir()} == {file.name for file in theirs.iterdir()}
    for name in ("config.yaml", "nodes.csv", "edges.csv"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()


def test_a_run_that_is_done_is_read_back(caplog):
    first = byzdl.run(*TINY, folder="mine")
    with caplog.at_level(logging.INFO, logger="byzdl"):
        again = byzdl.run(*TINY, folder="mine")
    assert "already done" in caplog.text
    pd.testing.assert_frame_equal(first.rounds, again.rounds)


def test_the_network_knows_who_is_byzantine():
    found = byzdl.run(*TINY, "attack.br=0.34")
    assert found.network.number_of_nodes() == 6
    attackers = {i for i, attacker in found.network.nodes(data="byzantine") if attacker}
    assert len(attackers) == 2
    assert set(found.nodes["node"]) == set(range(6)) - attackers
    assert "6" not in repr(found) or found.accuracy == found.rounds["accuracy_mean"].iloc[-1]


def test_keywords_say_what_overrides_say():
    typed = byzdl.run(*TINY, "attack=alie", "attack.br=0.5", "attack.z=1.5", "augment=[flip]", "partition=iid")
    said = byzdl.run(*TINY, attack="alie", **{"attack.br": 0.5}, optimizer={"lr": 0.05}, augment=["flip"])
    nested = byzdl.run(*TINY, "attack=alie_1.5", augment=["flip"], **{"attack.br": 0.5})
    assert said.config["augment"] == typed.config["augment"] == ["flip"]
    assert said.config["attack"]["br"] == 0.5
    pd.testing.assert_frame_equal(without_seconds(typed.rounds), without_seconds(nested.rounds))


def test_a_class_of_ones_own_is_a_choice():
    found = byzdl.run(*TINY, defense=Half(share=0.7))
    assert found.config["defense"]["name"] == "half"
    assert found.config["defense"]["share"] == 0.7
    kept = byzdl.run(*TINY, defense=Half(share=0.7), folder="mine")
    other = byzdl.run(*TINY, defense=Half(share=0.6), folder="mine")
    assert kept.folder != other.folder
    pd.testing.assert_frame_equal(without_seconds(found.rounds), without_seconds(kept.rounds))


def test_an_instance_of_a_known_class_is_the_run_of_its_yaml():
    tiny = [override for override in TINY if not override.startswith("topology")]
    named = byzdl.run(*tiny, "defense=ubar", "topology=ring", "topology.n=6", folder="mine")
    made = byzdl.run(*tiny, defense=Ubar(), topology=Ring(n=6), folder="mine")
    assert named.config == made.config
    assert named.folder == made.folder


def test_what_a_rule_reports_becomes_columns():
    for folder in (None, "mine"):
        found = byzdl.run(*TINY, defense=Counting(), folder=folder)
        assert found.nodes.groupby("round")["calls"].first().to_dict() == {0: 0, 2: 2, 4: 4}
        assert tuple(found.nodes.columns) == (*NODE_COLUMNS, "calls")
        last = found.edges[found.edges["round"] == 4]
        assert set(last["heard"]) == {4}


def test_torchs_settings_are_restored():
    torch.set_num_threads(1)
    byzdl.run(*TINY, "threads=2")
    assert torch.get_num_threads() == 1
    assert torch.tensor(1e-40).mul(1.0).item() > 0  # denormals are numbers again


class Bare(Half):
    def aggregate(self, state, inbox):
        return Mix(inbox.own)


class Thin(Half):
    def aggregate(self, state, inbox):
        return state, Mix(inbox.own[:, :3])


class Flat(Half):
    def aggregate(self, state, inbox):
        return state, Mix(inbox.own, inbox.valid[0])


class Loud(Half):
    def report(self, state):
        return {"accuracy": torch.zeros(2)}


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (Bare(), r"test_run\.Bare\.aggregate: returned a Mix, but must return \(state, Mix\)$"),
        (Thin(), r"test_run\.Thin\.aggregate: Mix\.models is \[\d+, 3\], but must be \[L, d\] = \[\d+, \d+\]$"),
        (Flat(), r"test_run\.Flat\.aggregate: Mix\.selected is \[\d+\], but must be \[L, k\] with L = \d+$"),
        (Loud(), r"test_run\.Loud\.report: the name 'accuracy' is taken by another column; choose another name$"),
    ],
)
def test_a_mistake_in_a_class_of_ones_own_is_one_line(rule, says):
    with pytest.raises(RuleError, match=says):
        byzdl.run(*TINY, defense=rule)
    with pytest.raises(RuleError, match=says):
        byzdl.run(*TINY, defense=rule, folder="mine")
    (folder,) = Path("mine").iterdir()
    assert '"status": "failed"' in (folder / "run.json").read_text()


@pytest.mark.parametrize(
    ("overrides", "keys", "says"),
    [
        (["defense=krum"], {}, r"^defense is 'krum', but must be one of .* \(did you mean d_krum\?\)$"),
        (["lr=3"], {}, r"^lr: no such key; did you mean optimizer\.lr\?$"),
        ([], {"rounds": 0}, r"^rounds is 0, but must be an integer, at least 1$"),
        (["defense.tau=1"], {"defense": Half()}, r"^defense\.tau=1: no override beside defense=Half\(\.\.\.\)"),
        ([], {"attack": Half()}, r"^attack is 'Half', but must be an instance of Attack, or the name of a choice$"),
        ([], {"defence": Half()}, r"^group is 'defence', but must be one of .*did you mean defense"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(overrides, keys, says):
    for folder in (None, "mine"):
        with pytest.raises(ConfigError, match=says):
            byzdl.run(*overrides, folder=folder, **keys)
    assert not list(Path("mine").glob("*"))
