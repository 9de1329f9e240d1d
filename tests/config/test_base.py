"""A run's configuration as the base of new ones: the same configuration, whatever the choices and values."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers import NEEDED, choices
from hypothesis import given, settings
from hypothesis import strategies as st

from byzdl.config.compose import compose
from byzdl.config.grammar import text
from byzdl.config.identity import identity, run_name
from byzdl.config.keys import GROUPS
from byzdl.config.types import ConfigError

VALUES = {
    "seed": st.integers(0, 10**9),
    "optimizer.lr": st.floats(1e-9, 10, allow_nan=False),
    "augment": st.sampled_from([[], ["crop"], ["crop", "flip"]]),
    "dataset.cache": st.text(st.sampled_from("a b$~{}'\"\\ü,:#é"), min_size=1),
    "writer": st.sampled_from(["none", "wandb"]),
    "topology.placement": st.sampled_from(["random", "degree", [0, 1, 2]]),
}


def kept(folder: Path, config: dict[str, Any]) -> Path:
    """A folder that holds the configuration as a run's folder does."""
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return folder


@settings(max_examples=8)
@given(
    chosen=st.fixed_dictionaries({group: st.sampled_from(choices(group)) for group in GROUPS}),
    values=st.fixed_dictionaries({}, optional=VALUES),
)
def test_a_configuration_is_composed_again_from_its_own_file(
    tmp_path_factory: pytest.TempPathFactory, chosen: dict[str, str], values: dict[str, Any]
) -> None:
    lines = [f"{group}={name}" for group, name in chosen.items()]
    needed = NEEDED.get(chosen["topology"], [])
    typed = [f"{key}={text(value)}" for key, value in values.items() if "${" not in str(value)]
    config = compose(*lines, *needed, *typed)
    again = compose(from_=kept(tmp_path_factory.getbasetemp() / "RUN", config))
    assert again == config
    assert (identity(again), run_name(again)) == (identity(config), run_name(config))


def test_a_text_that_looks_like_an_interpolation_stays_a_text(tmp_path: Path) -> None:
    config = compose()
    config["dataset"]["cache"] = "${oc.env:HOME}/${seed}"
    assert compose(from_=kept(tmp_path / "RUN", config)) == config


def test_overrides_and_choices_go_on_top(tmp_path: Path) -> None:
    folder = kept(tmp_path / "RUN", compose("defense=ubar", "defense.rho=0.7", "attack=alie_1.5", "rounds=7"))
    found = compose("seed=5", "defense=mean", from_=folder)
    assert found == compose("defense=mean", "attack=alie_1.5", "rounds=7", "seed=5")
    # A new choice has its own defaults, and none of the run's keys.
    assert compose("defense=ubar", from_=folder)["defense"]["rho"] == 0.4
    # What a YAML computes follows the keys that it is computed from.
    assert compose("attack.z=2", from_=folder)["attack"]["name"] == "alie z=2"
    graph = tmp_path / "graph.edges"
    graph.write_text("0 1\n1 2\n")
    run = kept(tmp_path / "RUN", compose("topology=file", f"topology.path={graph}"))
    other = tmp_path / "other.edges"
    other.write_text("0 1\n1 2\n2 0\n")
    assert compose(f"topology.path={other}", from_=run) == compose("topology=file", f"topology.path={other}")


def test_a_class_has_its_present_name(tmp_path: Path) -> None:
    config = compose("pre=nnm")
    old = {**config, "pre": {**config["pre"], "_target_": "byzdl.pre.nnm.Nnm"}}
    assert compose(from_=kept(tmp_path / "RUN", old)) == config


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: "{", "config.yaml: line 1 cannot be read"),
        (lambda text: "- 1\n", "config.yaml: no configuration of a run"),
        (lambda text: "", "config.yaml: no configuration of a run"),
        (lambda text: "seed: 1\n", "config.yaml: attack is missing"),
        (lambda text: text.replace("rounds:", "rouns:"), "config.yaml: rouns is no key of this version of byzdl"),
        (lambda text: text.replace("  lr:", "  rl:"), "config.yaml: optimizer.rl is no key of this version"),
        (lambda text: text.replace("defense:\n", "defense:\n  _source_: abc\n"), "is a class of a Python session"),
    ],
)
def test_another_file_is_refused_in_one_line(change: Any, says: str, tmp_path: Path) -> None:
    folder = kept(tmp_path / "RUN", compose())
    file = folder / "config.yaml"
    file.write_text(change(file.read_text()))
    with pytest.raises(ConfigError) as refused:
        compose(from_=folder)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_without_a_run_is_refused_with_one_that_has_it(tmp_path: Path) -> None:
    (tmp_path / "outputs" / "RUN").mkdir(parents=True)
    (tmp_path / "outputs" / "RUN" / "run.json").write_text("{}")
    with pytest.raises(ConfigError, match=f"--from is .*with its config.yaml, such as {tmp_path}/outputs/RUN$"):
        compose(from_=tmp_path / "outputs")
    with pytest.raises(ConfigError, match=r"--from is .*with its config\.yaml$"):
        compose(from_=tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="experiment: no override beside --from"):
        compose("experiment=paper", from_=kept(tmp_path / "RUN", compose()))
