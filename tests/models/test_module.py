"""A network of the user's own, from a function that makes it."""

import sys

import pytest

import byzdl
from byzdl.config.compose import compose
from byzdl.config.content import sources
from byzdl.config.identity import identity
from byzdl.config.types import ConfigError
from byzdl.models import OwnModule, initialised
from byzdl.samples import Sample
from byzdl.testing import check_model

MINE = """
from torch import nn

from widths import WIDTH


def make(sample, outputs, width=WIDTH):
    return nn.Sequential(nn.Flatten(), nn.Linear(sample.size, width), nn.ReLU(), nn.Linear(width, outputs))


class Net(nn.Linear):
    def __init__(self, outputs):
        super().__init__(7, outputs)


class Lists:
    make = nn.Linear


def answers(sample):
    return "no network"


def fails():
    raise ValueError("two\\nlines")


three = 3
"""

IMAGE, LINE = Sample((1, 2, 4)), Sample((7,), "features")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    (tmp_path / "mine_of_a_user.py").write_text(MINE)
    (tmp_path / "widths.py").write_text("WIDTH = 5\n")
    (tmp_path / "broken_of_a_user.py").write_text("import no_such_module\n")
    yield
    for name in ("mine_of_a_user", "widths"):
        sys.modules.pop(name, None)


def built(name, sample=LINE, **args):
    return initialised(OwnModule(target=f"mine_of_a_user:{name}", args=args), sample, outputs=3, seed=0)


def test_a_function_gets_what_it_has_parameters_for_and_its_arguments():
    assert [tuple(p.shape) for p in built("make", IMAGE).parameters()] == [(5, 8), (5,), (3, 5), (3,)]
    assert built("make", IMAGE, width=2)[1].out_features == 2
    assert (built("Net").in_features, built("Net").out_features) == (7, 3)
    assert built("Lists.make", in_features=7, out_features=3, bias=False).bias is None


def test_a_function_without_a_signature_gets_its_arguments_alone():
    with pytest.raises(ConfigError, match=r"^model\.target is 'builtins:dict', but must be a function that returns a"):
        OwnModule(target="builtins:dict", args={"a": 1}).build(LINE, 3)


def test_it_keeps_to_every_contract():
    for sample in (IMAGE, LINE):
        check_model(OwnModule(target="mine_of_a_user:make"), sample=sample)


def test_it_trains_and_starts_as_the_same_class_would():
    keys = ("dataset=digits", "defense=mean", "attack=none", "topology.n=3", "rounds=3", "batch_size=8")
    run = byzdl.run(*keys, model=OwnModule(target="mine_of_a_user:make", args={"width": 64}), progress=False)
    mlp = byzdl.run(*keys, "model=mlp", progress=False)
    assert run.rounds.drop(columns="seconds").equals(mlp.rounds.drop(columns="seconds"))


def test_the_functions_code_and_what_it_imports_count_in_the_identity(tmp_path):
    (tmp_path / "weights.txt").write_text("one")

    def known():
        return identity(compose("model=module", "model.target=mine_of_a_user:make", "model.args={file: weights.txt}"))

    first, seen = known(), []
    for name in ("mine_of_a_user.py", "widths.py", "weights.txt"):
        file = tmp_path / name
        before = file.read_text()
        file.write_text(before + "\n# edited")
        seen.append(known())
        file.write_text(before)
    assert len({first, *seen}) == 4
    assert known() == first
    files = sources(compose("model=module", "model.target=mine_of_a_user:make"))
    assert set(files) == {str(tmp_path / "mine_of_a_user.py"), str(tmp_path / "widths.py")}


def test_a_function_of_an_installed_package_counts_by_name_and_arguments():
    one, other = (
        compose("model=module", "model.target=torch.nn:Linear", f"model.args={{out_features: {n}}}") for n in (1, 2)
    )
    assert identity(one) != identity(other)
    assert sources(one) == {}


WRONG = {
    "mine_of_a_user:answers": "a function that returns a torch.nn.Module; it returns a str",
    "mine_of_a_user:fails": "a function that makes a network (ValueError: two lines)",
    "mine_of_a_user:three": "a function or class; it is a int",
    "mine_of_a_user:nothing": "a function that can be imported (AttributeError: module 'mine_of_a_user' has no",
    "nowhere.at.all:make": "a function that can be imported (ModuleNotFoundError: No module named 'nowhere'",
    "broken_of_a_user:make": "a function that can be imported (ModuleNotFoundError: No module named 'no_such",
    "__main__:make": "a function of a file that can be imported, as other processes import it, too",
    None: "the function or class that makes your network, as mypackage.networks:make",
}


@pytest.mark.parametrize("target", WRONG)
def test_what_is_no_network_is_one_line(target):
    with pytest.raises(ConfigError) as raised:
        initialised(OwnModule(target=target), LINE, outputs=3, seed=0)
    assert str(raised.value).startswith(f"model.target is {target!r}, but must be {WRONG[target]}")
    assert "\n" not in str(raised.value)


def test_wrong_arguments_are_named():
    with pytest.raises(ConfigError, match=r"\(TypeError: make\(\) got an unexpected keyword argument 'widht'\)$"):
        built("make", widht=2)


@pytest.mark.parametrize("target", ["make", "mine.make", "mine:", "mine/networks.py:make"])
def test_a_target_is_a_module_and_a_name(target):
    with pytest.raises(ValueError, match="a function or class, as mypackage"):
        OwnModule(target=target)


def test_a_network_with_buffers_is_refused_as_any_other():
    with pytest.raises(ConfigError, match=r"^model is 'own_module', but must be a network without buffers"):
        initialised(OwnModule(target="torch.nn:BatchNorm1d", args={"num_features": 3}), LINE, outputs=3, seed=0)
