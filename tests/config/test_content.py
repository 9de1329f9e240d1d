"""Files that a choice of one's own has as values count by their content."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from byzdl.config.content import sources
from byzdl.config.identity import identity
from byzdl.config.types import ConfigError
from byzdl.files import checksum


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    (tmp_path / "stripes.py").write_text("class Stripes: pass\n")
    (tmp_path / "home").mkdir()


def run(target: str = "stripes.Stripes", **keys: Any) -> dict[str, Any]:
    return {"dataset": {"_target_": target, "name": "stripes", "cache": "data/cache", **keys}}


def rewritten(file: str, config: dict[str, Any]) -> bool:
    """Whether the configuration has another identity after a file changed, and the first one again when it is back."""
    path = Path(file).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("one")
    before = identity(config)
    path.write_text("two")
    after = identity(config)
    path.write_text("one")
    assert identity(config) == before
    return before != after


@pytest.mark.parametrize(
    ("file", "keys"),
    [
        ("images.npz", {"source": "images.npz"}),
        ("images.npz", {"path": "./images.npz"}),
        ("sub/images", {"source": "sub/images"}),
        ("weights", {"weights_file": "weights"}),
        ("~/images.npz", {"source": "~/images.npz"}),
        ("b.npz", {"files": ["a.npz", "b.npz"]}),
        ("a.npz", {"parts": {"train": {"source": "a.npz"}}}),
        ("images/train/1.png", {"root": "images"}),
        ("images/train/1.png", {"folder": "images"}),
        ("images/train/1.png", {"source": "images/"}),
        ("data/train/1.png", {"root": "data"}),
        ("train/1.png", {"root": "."}),
        ("outputs/run-1/x.npz", {"folder": "outputs/run-1"}),
    ],
)
def test_a_file_that_is_rewritten_under_its_path_makes_a_new_run(file, keys):
    assert rewritten(file, run(**keys))


@pytest.mark.parametrize(
    ("file", "keys"),
    [
        ("data/1.png", {"kind": "data"}),  # a word that happens to be the name of a folder
        ("stripes/1.png", {}),  # the choice's name
        ("data/cache/stripes-1/meta.json", {"root": "data"}),  # byzdl's own
        ("images/.ipynb_checkpoints/1.png", {"root": "images"}),
        ("other.npz", {"path": "images.npz"}),
        ("outputs/run-1/run.json", {"root": "."}),
        ("x.npz", {"separator": ".", "suffix": "./", "level": ".."}),
    ],
)
def test_other_files_count_nothing(file, keys):
    assert not rewritten(file, run(**keys))


def test_a_file_that_is_there_at_last_counts():
    config = run(path="images.npz")
    before = identity(config)
    Path("images.npz").write_text("one")
    assert identity(config) != before


def test_files_that_are_exchanged_are_other_data():
    config = run(train="a.npz", test="b.npz", more=["a.npz", "b.npz"])
    Path("a.npz").write_text("one")
    Path("b.npz").write_text("two")
    before = identity(config)
    Path("a.npz").write_text("two")
    Path("b.npz").write_text("one")
    assert identity(config) != before


def test_one_content_under_two_roots_is_one_run():
    for root in ("a", "b"):
        Path(root).mkdir()
        Path(root, "1.png").write_text("one")
    assert identity(run(root="a")) == identity(run(root="b"))


def test_sources_are_what_the_identity_covers_with_the_checksums_of_files():
    for name in ("images/1.png", "data/train/1.png", "data/cache/x", "weights.pt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    found = sources(run(root="data", folder="images", init={"weights": "weights.pt"}))
    expected = ["stripes.py", "data/train", "images", "weights.pt"]
    assert found == {os.path.abspath(path): checksum(Path(path)) for path in expected}


def test_sources_of_byzdls_own_choices_are_their_graphs_and_images():
    topology = {"_target_": "byzdl.topology.File", "path": "~/ring.edges", "checksum": "abc"}
    dataset = {"_target_": "byzdl.data.ImageFolder", "root": "images", "checksum": ["d", "e"], "cache": "x"}
    here = os.getcwd()
    assert sources({"topology": topology, "dataset": dataset}) == {
        f"{here}/home/ring.edges": "abc",
        f"{here}/images/train": "d",
        f"{here}/images/test": "e",
    }


@pytest.mark.parametrize("value", ["~nobody/x.npz", "a\0b.npz", "x" * 5000 + ".npz", "", "/", "//", None, 3, [[]]])
def test_no_value_ends_in_an_error_of_a_library_or_reads_the_whole_machine(value):
    assert set(sources(run(path=value, root=value, more={"x": value}))) == {os.path.abspath("stripes.py")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (0.0, -0.0),
        (1000, 1e3),
        ([1, 2.0], (1.0, 2)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (Path("a/b"), "a/b"),
        ({1, 2, 3}, {3, 2, 1}),
    ],
)
def test_one_value_however_it_is_written_is_one_run(one, other):
    assert identity(run(x=one)) == identity(run(x=other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, "1"),
        (1, True),
        (0, False),
        (0, None),
        (None, "null"),
        (None, "None"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("inf"), -float("inf")),
        (1.5, "1.5"),
        ([1, 2], [2, 1]),
        ([1], 1),
        ([], None),
        ({}, []),
        ({1: "a"}, {"1": "a"}),
        (b"a", "a"),
        (b"a", b"b"),
        ({1, 2}, [1, 2]),
        ("byzdl.preaggregation.nnm.Nnm", "byzdl.pre.nnm.Nnm"),
        (int, float),
    ],
)
def test_two_values_are_two_runs(one, other):
    assert identity(run(x=one)) != identity(run(x=other))


def test_arrays_are_told_apart_to_their_last_number():
    np = pytest.importorskip("numpy")
    one, other = np.zeros(5000), np.zeros(5000)
    other[2500] = 1
    assert identity(run(x=one)) == identity(run(x=np.zeros(5000)))
    assert identity(run(x=one)) != identity(run(x=other))
    assert identity(run(x=one)) != identity(run(x=one.astype(np.float32)))
    assert identity(run(x=np.float64(2.5))) == identity(run(x=2.5))


@pytest.mark.parametrize("value", [object(), lambda x: x])
def test_an_object_that_is_known_by_its_place_in_memory_is_refused(value):
    with pytest.raises(
        ConfigError, match=r"^dataset\.sub\.x is an object of \w+\.\w+, but must be made of numbers, texts"
    ):
        identity(run(sub={"x": value}))
