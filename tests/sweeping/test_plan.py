"""What a sweep takes for one run, and what it refuses beside one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from byzdl.config.compose import compose
from byzdl.config.identity import run_name
from byzdl.config.keys import MACHINE_KEYS
from byzdl.sweeping.plan import Planned, planned


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def plan(*combinations: str) -> list[Planned]:
    """The plan of these combinations, each as typed: `seed=1 device=cpu`."""

    def composed(overrides: tuple[str, ...]) -> tuple[dict[str, Any], Path]:
        config = compose(*overrides)
        return config, Path("outputs") / run_name(config)

    return planned([tuple(one.split()) for one in combinations], composed)


def refusals(runs: list[Planned]) -> list[str]:
    return [run.refused for run in runs]


def images(root: str, colour: int) -> None:
    for part in ("train", "test"):
        for label in ("a", "b"):
            Path(root, part, label).mkdir(parents=True)
            Image.fromarray(np.full((2, 2, 3), colour, np.uint8)).save(Path(root, part, label, "1.png"))


def test_other_data_under_one_name_are_refused_and_not_left_out():
    runs = plan("dataset=mnist dataset.root=A", "dataset=mnist dataset.root=B", "dataset=mnist dataset.root=C")
    assert refusals(runs) == [
        "",
        *(
            f"dataset.root is '{other}', but must be 'A' as in dataset.root=A, which is the same run; other "
            "data need a dataset.name of their own"
            for other in "BC"
        ),
    ]


def test_one_folder_however_it_is_written_is_one_run():
    here = Path.cwd()
    assert refusals(plan(*(f"dataset=mnist dataset.root={root}" for root in ("A", "./A", f"{here}/A", "A/")))) == [""]


def test_data_with_names_of_their_own_are_runs_of_their_own():
    assert refusals(plan(*(f"dataset=mnist dataset.root={root} dataset.name={root}" for root in "AB"))) == ["", ""]


def test_images_are_told_apart_by_their_content_and_by_nothing_else():
    images("A", 10)
    images("B", 20)
    images("copy", 10)
    runs = plan(*(f"dataset=image_folder dataset.root={root}" for root in ("A", "B", "copy")))
    assert [(run.overrides[1], run.refused) for run in runs] == [("dataset.root=A", ""), ("dataset.root=B", "")]


def test_graphs_are_told_apart_by_their_content_and_by_nothing_else():
    for name, edges in {"a": "0 1\n", "b": "0 1\n1 2\n", "copy": "0 1\n"}.items():
        Path(f"{name}.edges").write_text(edges)
    runs = plan(*(f"topology=file topology.path={name}.edges" for name in ("a", "b", "copy")))
    assert [(run.overrides[1], run.refused) for run in runs] == [
        ("topology.path=a.edges", ""),
        ("topology.path=b.edges", ""),
    ]
    # Of two files that do not exist, each is missing.
    _, other = refusals(plan("topology=file topology.path=x.edges", "topology=file topology.path=y.edges"))
    assert other.startswith("topology.path is 'y.edges', but must be 'x.edges' as in ")


def test_files_of_ones_own_are_told_apart_by_their_content_and_by_nothing_else():
    for name, content in {"a": "1", "b": "2", "copy": "1"}.items():
        Path(f"{name}.npz").write_text(content)
    runs = plan(*(f"dataset=arrays dataset.path={name}.npz" for name in ("a", "b", "copy")))
    assert [(run.overrides[1], run.refused) for run in runs] == [("dataset.path=a.npz", ""), ("dataset.path=b.npz", "")]
    # Of two files that do not exist, each is missing.
    assert refusals(plan("dataset=arrays dataset.path=x.npz", "dataset=arrays dataset.path=y.npz")) == ["", ""]


@pytest.mark.parametrize(("key", "values"), [("device", ("cpu", "cuda")), ("threads", (1, 2))])
def test_a_sweep_over_the_machine_is_refused(key, values):
    first, second = values
    _, why = refusals(plan(f"{key}={first}", f"{key}={second}"))
    assert why == (
        f"{key} is {second!r}, but must be {first!r} as in {key}={first}, which is the same run; a second result needs a "
        "sweep of its own, in another folder"
    )


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("writer", ("none", "tensorboard")),
        ("objective", ("accuracy_mean", "accuracy_worst")),
        ("checkpoint.every", ("60s", "100")),
        ("dataset.cache", ("data/cache", "/tmp")),
        ("eval_every", ("10", "10.0")),
        ("attack.br", ("0", "-0.0", "0e3")),
    ],
)
def test_what_cannot_matter_is_one_run(key, values):
    assert refusals(plan(*(f"{key}={value}" for value in values))) == [""]


def test_every_key_of_the_machine_has_a_rule_and_a_case_here():
    assert set(MACHINE_KEYS.values()) == {"always", "content", "never"}
    assert set(MACHINE_KEYS) == {
        "device", "threads", "writer", "objective", "checkpoint.every", "dataset.root", "dataset.cache", "topology.path",
        "dataset.path", "dataset.test_path",
    }  # fmt: skip


def test_a_refused_combination_takes_no_other_with_it():
    runs = plan(
        "seed=0 dataset=mnist", "seed=0 dataset=mnist dataset.root=B", "seed=1 dataset=mnist", "seed=0 rounds=5"
    )
    assert [bool(why) for why in refusals(runs)] == [False, True, False, False]
