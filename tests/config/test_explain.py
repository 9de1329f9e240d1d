"""An override that Hydra refuses is answered with what to type."""

import pytest

from byzdl.config.compose import compose
from byzdl.config.near import known_keys, near_keys
from byzdl.config.types import ConfigError


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["+seed=1"], "+seed=1: there is seed already; drop the +: seed=1"),
        (["defense=d_krum", "+defense.f=1"], "+defense.f=1: there is defense.f already; drop the +: defense.f=1"),
        (["+defense=ubar"], "defense: has a choice already; write defense=CHOICE, without +"),
        (["++defense=ubar"], "defense=ubar: a choice takes no +; write defense=ubar"),
        (["~defense=ubar"], "~defense: no such choice is in use; write defense=CHOICE"),
        (["~seeed"], "seeed: no such key; did you mean seed?"),
        (["seed=0,1"], "seed=0,1: several values are a sweep: add -m"),
        (["seed=range(3)"], "seed=range(3): several values are a sweep: add -m"),
        (["hydra.mode=sweep"], "hydra.mode=sweep: Invalid value 'sweep', expected one of [RUN, MULTIRUN]"),
        (["hydra.run.dri=x"], "hydra.run.dri: no such key; python train.py --cfg hydra shows"),
        (["hydra.searchpath=[nowhere]"], "hydra.searchpath is 'nowhere', but must be a folder"),
        (["hydra.searchpath=mine"], "hydra.searchpath is 'mine', but must be a list of folders"),
        (["attack.brr=1"], "attack.brr: no such key; did you mean attack.br?"),
        (["lr=1"], "lr: no such key; did you mean optimizer.lr?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_override_is_answered_with_what_to_type(overrides: list[str], says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        compose(*overrides)
    assert str(refused.value).startswith(says)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("attack.brr", "attack.br"),
        ("attack.BR", "attack.br"),
        ("attack_br", "attack.br"),
        ("atack.br", "attack.br"),
        ("atack.brr", "attack.br"),
        ("brr", "attack.br"),
        ("br", "attack.br"),
        ("lr", "optimizer.lr"),
        ("learning_rate", "optimizer.lr"),
        ("Seed", "seed"),
        ("batch-size", "batch_size"),
        ("nodes", "topology.n"),
        ("partition.aplha", "partition.alpha"),
        ("defense.thetta", "defense.theta"),
        ("rouns", "rounds"),
    ],
)
def test_the_last_part_of_a_mistyped_key_tells_what_was_meant(typed: str, meant: str) -> None:
    assert near_keys(typed, known_keys())[0] == meant
