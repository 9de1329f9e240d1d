"""What is done already is so for the code and data as they are, wherever that is asked."""

import importlib
import json
import logging
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byzdl
from byzdl.config.compose import compose
from byzdl.config.identity import identity, run_name
from byzdl.config.types import ConfigError
from byzdl.data import load
from byzdl.files import checksum
from byzdl.runs.execute import execute
from byzdl.runs.folder import RunFolder, is_done, read_status
from byzdl.simulation import parse
from byzdl.sweeping.plan import Planned, planned

STRIPES = """
import numpy as np
from byzdl.data import Arrays, Dataset
from stripes_scale import SCALE


class Stripes(Dataset):
    source: str = "stripes.npz"

    def signature(self):
        return {"version": 1}

    def decode(self):
        images = np.load(self.source)["images"] * SCALE
        labels = np.arange(len(images)) % 2
        return Arrays(images, labels, images[:4], labels[:4], classes=2)
"""
TINY = (
    "dataset=stripes",
    "model=linear",
    "rounds=1",
    "eval_every=1",
    "batch_size=4",
    "topology=ring",
    "topology.n=4",
    "attack=none",
    "defense=mean",
)


def images(value: int) -> None:
    np.savez("stripes.npz", images=np.full((40, 2, 2, 1), value, np.uint8))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A data set of one's own, with a module beside it and a file of images."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    Path("mine/dataset").mkdir(parents=True)
    Path("mine/dataset/stripes.yaml").write_text(
        "defaults: [/base/dataset@_here_]\n_target_: stripes.Stripes\nname: stripes\nsource: stripes.npz\n"
    )
    Path("stripes.py").write_text(STRIPES)
    Path("stripes_scale.py").write_text("SCALE = 1\n")
    images(10)
    yield
    forget()


def forget() -> None:
    """As a new process begins."""
    for name in ("stripes", "stripes_scale"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()


@cache
def _configured(folder: Path, *overrides: str) -> dict[str, Any]:
    return compose(*TINY, *overrides, config_dir=folder)


def configured(*overrides: str) -> dict[str, Any]:
    return _configured(Path("mine").absolute(), *overrides)


def place(config: dict[str, Any]) -> Path:
    return Path("outputs") / run_name(config)


def plan() -> Planned:
    def composed(_: tuple[str, ...]) -> tuple[dict[str, Any], Path]:
        config = configured()
        return config, place(config)

    (run,) = planned([()], composed)
    return run


def answers(caplog: pytest.LogCaptureFixture) -> set[bool]:
    """Whether the run is done: by its folder, by the plan of a sweep, by a single run, and by Python's."""
    config = configured()
    found = {is_done(place(config), identity(config)), plan().done}
    starts = [lambda: execute(config, place(config)), lambda: byzdl.run(*TINY, config_dir="mine", folder="outputs")]
    for start in starts if True in found else starts[:1]:
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="byzdl"):
            start()
        found.add("already done" in caplog.text)
    return found


def test_every_door_says_the_same_of_edited_code_and_rewritten_data(caplog):
    facts = []
    for scale, value, done in ((1, 10, False), (1, 20, False), (2, 20, False), (1, 10, True), (1, 20, True)):
        Path("stripes_scale.py").write_text(f"SCALE = {scale}\n")
        images(value)
        forget()
        assert answers(caplog) == {done}, (scale, value)
        facts.append(read_status(place(configured())))
        # The decoded images are those of these files, though the signature says nothing of them.
        (pixel,) = set(load(parse(configured()).dataset).train.inputs.flatten().tolist())
        assert pixel == scale * value
    assert len({fact["identity"] for fact in facts}) == len({fact["data"] for fact in facts}) == 3
    assert facts[-1]["sources"] == {
        str(Path(name).absolute()): checksum(Path(name)) for name in ("stripes.py", "stripes_scale.py", "stripes.npz")
    }


def test_data_that_change_while_they_are_read_end_the_run():
    more = "        with open('stripes.npz', 'ab') as file:\n            file.write(b'x')\n"
    Path("stripes.py").write_text(STRIPES.replace("        labels =", f"{more}        labels ="))
    with pytest.raises(
        ConfigError, match=r"stripes\.npz has changed while the run read it; the same command starts over$"
    ):
        execute(configured(), Path("run"))
    assert not Path("run/rounds.csv").exists()


def test_a_graph_that_changes_between_plan_and_start_ends_the_run():
    Path("ring.edges").write_text("0 1\n1 2\n2 3\n3 0\n")
    config = compose("topology=file", "topology.path=ring.edges", "topology.n=4", "dataset=synthetic")
    Path("ring.edges").write_text("0 1\n1 2\n2 3\n3 1\n")
    with pytest.raises(ConfigError, match=r"^topology\.checksum is '\w+', but must be '\w+'"):
        execute(config, Path("run"))


def test_a_sweep_does_not_file_new_data_under_an_old_name():
    from byzdl.api.sweep import _compute

    run, config = plan(), configured()
    images(20)
    with pytest.raises(ConfigError, match="files behind this run have changed since the sweep started"):
        _compute(config, {}, run)
    assert read_status(run.folder)["status"] == "failed"


def test_a_notebook_does_not_file_the_results_of_old_code_under_new_code():
    """An edited module stays as it was in a process until it is imported again."""
    byzdl.run(*TINY, config_dir="mine", folder="outputs")
    Path("stripes_scale.py").write_text("SCALE = 3\n")
    with pytest.raises(
        ConfigError,
        match=r"stripes_scale\.py has changed since it was imported; restart Python, or call importlib\.reload on "
        r"stripes_scale and on what imports it$",
    ):
        byzdl.run(*TINY, config_dir="mine", folder="outputs")
    importlib.reload(sys.modules["stripes_scale"])
    importlib.reload(sys.modules["stripes"])
    found = byzdl.run(*TINY, config_dir="mine", folder="outputs")
    assert found.folder is not None
    assert len(list(Path("outputs").glob("*/rounds.csv"))) == 2


def test_a_checkpoint_of_other_code_or_data_is_not_gone_on_from(caplog, monkeypatch):
    """In one folder, as with hydra.run.dir."""

    class Stop(BaseException):
        pass

    def stop(*_: Any) -> None:
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "finish", stop)
        with pytest.raises(Stop):
            execute(configured("rounds=3", "checkpoint.every=1"), Path("run"))
    assert Path("run/checkpoint").exists()
    images(20)
    other = configured("rounds=3", "checkpoint.every=1")
    with pytest.raises(ConfigError, match="holds the run of another configuration"):
        execute(other, Path("run"))
    facts = json.loads(Path("run/run.json").read_text())
    Path("run/run.json").write_text(json.dumps({**facts, "status": "failed"}))
    execute(other, Path("run"))
    assert "starts over" in caplog.text
