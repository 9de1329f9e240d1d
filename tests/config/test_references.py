"""`???` and `${...}` in configurations of a user's own: one line that names the key, and what to type."""

import pytest
import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from byzdl.config.compose import compose
from byzdl.config.explain import explain
from byzdl.config.identity import plain, register_resolvers
from byzdl.config.types import ConfigError


def refusal(*overrides: str, **more) -> str:
    with pytest.raises(ConfigError) as refused:
        compose(*overrides, **more)
    line = str(refused.value)
    assert "\n" not in line
    return line


def test_a_value_that_a_yaml_leaves_open_is_asked_for_by_its_key(tmp_path):
    (tmp_path / "topology").mkdir()
    mine = {"defaults": ["/base/topology@_here_"], "_target_": "byzdl.topology.File", "name": "mine", "path": "???"}
    (tmp_path / "topology" / "mine.yaml").write_text(yaml.safe_dump(mine))
    asked = "topology.path: ??? stands for a value of yours; type topology.path=VALUE"
    assert refusal("topology=mine", config_dir=tmp_path) == asked
    assert compose("topology=mine", "topology.path=my.edges", config_dir=tmp_path)["topology"]["path"] == "my.edges"


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("seed=???", "seed: ??? stands for a value of yours; type seed=VALUE"),
        ("attack.br=???", "attack.br: ??? stands for a value of yours; type attack.br=VALUE"),
        ("attack._target_=???", "attack._target_: ??? stands for a value of yours; type attack._target_=VALUE"),
        ("augment=[???]", "augment[0]: ??? stands for a value of yours; type augment=VALUE"),
        ("+more={a: {b: ???}}", "more.a.b: ??? stands for a value of yours; type more.a.b=VALUE"),
        ("seed=${roundss}", "seed: ${roundss} is no key of this configuration; did you mean rounds?"),
        ("augment=[${nothing.like.it}]", "augment[0]: ${nothing.like.it} is no key of this configuration"),
        ("seed=${env:SEED}", "seed: ${env:...} is no function; did you mean oc.env?"),
        ("seed=${runname:}", "seed: ${runname:...} is no function; did you mean run_name?"),
        (
            "seed=${oc.env:NO_SUCH_SEED}",
            "seed: the environment has no NO_SUCH_SEED; ${oc.env:NO_SUCH_SEED,DEFAULT} gives a default",
        ),
        ("seed=${seed}", "seed: it refers to itself, perhaps by way of other keys"),
        ("seed=${run_name:}", "seed: it refers to itself, perhaps by way of other keys"),
        ("seed='${rounds'", "seed='${rounds': a reference reads ${KEY} or ${FUNCTION:...}"),
        ("seed=${gpus:}", "seed: the function lacks 1 required positional argument: 'device'"),
    ],
)
def test_a_value_or_reference_that_leads_nowhere_is_one_line(override, line):
    assert refusal(override) == line


def test_references_over_other_keys_are_followed():
    assert "refers to itself" in refusal("seed=${rounds}", "rounds=${eval_every}", "eval_every=${number:${seed}}")
    asked = "rounds: ??? stands for a value of yours; type rounds=VALUE"
    assert refusal("seed=${rounds}", "rounds=???") == asked
    assert compose("seed=${rounds}", "rounds=7")["seed"] == 7


def test_a_name_that_needs_a_missing_value_says_so_too():
    register_resolvers()
    config = OmegaConf.create({"seed": "???", "hydra": {"run": {"dir": "outputs/${run_name:}"}}})
    with pytest.raises(OmegaConfBaseException) as refused:
        _ = config.hydra.run.dir
    assert explain(refused.value) == "seed: ??? stands for a value of yours; type seed=VALUE"


def test_a_reference_to_hydras_own_part_leads_nowhere():
    """A run lacks that part. So the plan of a sweep must not resolve what its runs cannot."""
    config = OmegaConf.create({"writer": "${hydra.job.name}", "hydra": {"job": {"name": "train"}}})
    with pytest.raises(OmegaConfBaseException) as refused:
        plain(config)
    assert explain(refused.value).startswith("writer: ${hydra.job.name} is no key of this configuration")
