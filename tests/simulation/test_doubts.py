"""A run whose name says more than the run does is warned of, in the log and in run.json."""

import json
import logging

import pytest
from helpers import chosen, graph, make_settings
from hypothesis import given
from hypothesis import strategies as st

import byzdl
from byzdl.config.compose import compose
from byzdl.runs.execute import execute
from byzdl.simulation.doubts import doubts
from byzdl.topology import Complete, Ring, byzantine_count, draw_network

APART = graph(4, [(0, 1)], byzantine=[3])
ALONE = graph(4, [(0, 3)], byzantine=[3])
EMPTY = graph(4, [], byzantine=[3])
PAIRS = graph(4, [(0, 1), (2, 3)], byzantine=[3])


def warned(networks, attack="max", defense="ubar", br=0.25, rounds=9, topology=None, **keys):
    settings = make_settings(
        attack=chosen("attack", attack, br=br, **keys),
        defense=chosen("defense", defense),
        rounds=rounds,
        topology=topology or Complete(n=4),
    )
    return doubts(settings, networks)


@pytest.mark.parametrize(
    ("networks", "keys", "says"),
    [
        ([graph(4, [(0, 1)])], {"br": 0.1}, ["attack.br=0.1 of topology.n=4 is rounded to 0 of 4 nodes: nobody is Byz"]),
        ([graph(4, [(0, 1)])], {"br": 0.1, "attack": "none"}, []),
        ([graph(4, [(0, 1)])], {"br": 0.0}, []),
        ([PAIRS], {}, []),
        ([APART], {}, ["no benign node has a Byzantine neighbour, so attack=max does nothing; topology.require=benign_c"]),
        ([APART], {"attack": "none"}, []),
        ([APART, PAIRS], {}, []),
        ([ALONE], {}, []),
        ([EMPTY], {"attack": "none"}, ["no benign node has a neighbour, so defense=ubar mixes nothing in, as local"]),
        ([EMPTY], {"attack": "none", "defense": "local"}, []),
        ([PAIRS], {"start": 9}, ["attack.start=9 is after the last of rounds=9, so attack=max does nothing"]),
        ([PAIRS], {"start": 8}, []),
        ([PAIRS], {"topology": Ring(n=4, redraw_every=9)}, ["topology.redraw_every=9 is after the last of rounds=9, so the"]),
        ([PAIRS], {"topology": Ring(n=4, redraw_every=8)}, []),
    ],
)  # fmt: skip
def test_a_name_that_says_too_much_is_warned_of(networks, keys, says):
    found = warned(networks, **keys)
    assert [warning[: len(begin)] for warning, begin in zip(found, says, strict=True)] == says


@given(st.integers(2, 40), st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5]))
def test_exactly_an_attack_without_an_attacker_is_warned_of(n, br):
    if byzantine_count(n, br) == n:
        return
    network = draw_network(Complete(n=n), br, seed=0)
    assert bool(warned([network], br=br)) == (br > 0 and not network.byzantine)


FOUR = ["dataset=synthetic", "model=linear", "rounds=2", "batch_size=8", "topology=complete", "topology.n=4"]


def test_several_warnings_are_all_in_run_json_and_in_the_log(tmp_path, caplog):
    keys = ["attack=alie", "attack.br=0.25", "attack.start=2", "defense=d_krum"]
    with caplog.at_level(logging.WARNING, "byzdl"):
        execute(compose(*FOUR, *keys, f"dataset.cache={tmp_path}"), tmp_path / "run")
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    late, harmless, few = facts["warnings"]
    assert late == "attack.start=2 is after the last of rounds=2, so attack=alie does nothing"
    assert (harmless, few) == (facts["attack"]["warning"], facts["defense"]["warning"])
    assert [record.getMessage() for record in caplog.records] == facts["warnings"]


def test_a_run_in_memory_warns_too(tmp_path, caplog):
    byzdl.run(*FOUR, "attack.br=0.1", f"dataset.cache={tmp_path}", progress=False)
    (record,) = caplog.records
    assert record.getMessage().startswith("attack.br=0.1 of topology.n=4 is rounded to 0 of 4 nodes")
