"""Whatever of the user's code can change a result is in the identity, in whatever way it is imported."""

import sys
from pathlib import Path

import pytest

from byzdl.config.content import sources
from byzdl.config.identity import identity
from byzdl.files import checksum

Files = dict[str, str]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of modules of one's own, from which Python imports last, as on the command line."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return tmp_path


def write(root: Path, files: Files) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def run(target: str, **keys: object) -> dict[str, object]:
    return {"seed": 0, "defense": {"_target_": target, "name": "mine", **keys}}


RULE = "class Scale: pass\n"
ONE = {"scale.py": RULE}

# The files, the class, and the file that is edited.
WAYS: dict[str, tuple[Files, str, str]] = {
    "its own file": (ONE, "scale.Scale", "scale.py"),
    "a module beside it": ({"scale.py": "import util\n", "util.py": ""}, "scale.Scale", "util.py"),
    "a module beside that one": (
        {"scale.py": "import util\n", "util.py": "from more import x\n", "more.py": "x = 1\n"},
        "scale.Scale",
        "more.py",
    ),
    "an import within a function": (
        {"scale.py": "class Scale:\n    def f(self):\n        from util import x\n", "util.py": ""},
        "scale.Scale",
        "util.py",
    ),
    "an import that may fail": (
        {"scale.py": "try:\n    import util\nexcept ImportError:\n    util = None\n", "util.py": ""},
        "scale.Scale",
        "util.py",
    ),
    "a class that the package takes from a module": (
        {"mypkg/__init__.py": "from .impl import Scale\n", "mypkg/impl.py": RULE},
        "mypkg.Scale",
        "mypkg/impl.py",
    ),
    "the package's own file": (
        {"mypkg/__init__.py": "", "mypkg/impl.py": RULE},
        "mypkg.impl.Scale",
        "mypkg/__init__.py",
    ),
    "a sister module, by dots": (
        {"mypkg/__init__.py": "", "mypkg/impl.py": "from . import norms\n", "mypkg/norms.py": ""},
        "mypkg.impl.Scale",
        "mypkg/norms.py",
    ),
    "an uncle, by two dots": (
        {"a/__init__.py": "", "a/norms.py": "", "a/b/__init__.py": "", "a/b/c.py": "from ..norms import l2\n"},
        "a.b.c.Scale",
        "a/norms.py",
    ),
    "a long name": (
        {"scale.py": "import a.b.c as c\n", "a/__init__.py": "", "a/b/__init__.py": "", "a/b/c.py": ""},
        "scale.Scale",
        "a/b/c.py",
    ),
    "a package on the way to a long name": (
        {"scale.py": "import a.b.c\n", "a/__init__.py": "", "a/b/__init__.py": "", "a/b/c.py": ""},
        "scale.Scale",
        "a/b/__init__.py",
    ),
    "a star": ({"scale.py": "from util import *\n", "util.py": ""}, "scale.Scale", "util.py"),
    "a star's modules": (
        {"scale.py": "from a import *\n", "a/__init__.py": "__all__ = ['b']\n", "a/b.py": ""},
        "scale.Scale",
        "a/b.py",
    ),
    "a package without __init__": ({"scale.py": "from a.b import c\n", "a/b/c.py": ""}, "scale.Scale", "a/b/c.py"),
    "import_module": (
        {"scale.py": "import importlib\nutil = importlib.import_module('util')\n", "util.py": ""},
        "scale.Scale",
        "util.py",
    ),
    "import_module by a dot": (
        {
            "a/__init__.py": "",
            "a/c.py": "from importlib import import_module as m\nm('.d', __package__)\n",
            "a/d.py": "",
        },
        "a.c.Scale",
        "a/d.py",
    ),
    "import_module of a computed name": (
        {"a/__init__.py": "", "a/c.py": "import importlib\nimportlib.import_module(f'a.{x}')\n", "a/d/e.py": ""},
        "a.c.Scale",
        "a/d/e.py",
    ),
    "import_module of a computed name, without a package": (
        {"scale.py": "import importlib as i\ni.import_module('u' + x)\n", "util.py": ""},
        "scale.Scale",
        "util.py",
    ),
    "import_module in another package": (
        {"scale.py": "from importlib import import_module\nimport_module('plug.' + x)\n", "plug/one.py": ""},
        "scale.Scale",
        "plug/one.py",
    ),
    "a module that is executed": (
        {"scale.py": "import runpy\nrunpy.run_path('util.py')\n", "util.py": ""},
        "scale.Scale",
        "util.py",
    ),
    "names that a package makes up": (
        {"a/__init__.py": "def __getattr__(x):\n    return getattr(__import__('a.' + x), x)\n", "a/b.py": RULE},
        "a.Scale",
        "a/b.py",
    ),
    "a folder that the module adds to the path": (
        {"scale.py": "import sys\nsys.path.insert(0, 'lib')\nimport util\n", "lib/util.py": ""},
        "scale.Scale",
        "lib/util.py",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_edit_anywhere_behind_a_class_makes_a_new_run_and_its_undoing_the_old_one(way, root):
    files, target, edited = WAYS[way]
    write(root, {**files, "unrelated.py": ""})
    before = identity(run(target))
    found = sources(run(target))
    assert found[str(root / edited)] == checksum(root / edited)
    assert set(found) <= {str(root / name) for name in (*files, "unrelated.py")}
    (root / edited).write_text(files[edited] + "# edited\n")
    assert identity(run(target)) != before
    (root / edited).write_text(files[edited])
    assert identity(run(target)) == before
    assert not {name.partition("/")[0].removesuffix(".py") for name in files} & set(sys.modules), "it was imported"


def test_a_base_class_in_another_folder_counts(root, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("other")
    monkeypatch.setattr(sys, "path", [str(other), *sys.path])
    write(root, {"scale.py": "from base_rules import Base\nclass Scale(Base): pass\n"})
    write(other, {"base_rules.py": "class Base: pass\n"})
    before = identity(run("scale.Scale"))
    write(other, {"base_rules.py": "class Base: tau = 1\n"})
    assert identity(run("scale.Scale")) != before


def test_libraries_and_modules_that_nobody_imports_do_not_count(root):
    write(root, {"scale.py": "import json, numpy, torch, byzdl, yaml\n", "unrelated.py": "", "broken.py": "def"})
    assert set(sources(run("scale.Scale"))) == {str(root / "scale.py")}


def test_a_file_that_came_counts(root):
    """A module that could not be found yesterday may be there today."""
    write(root, {"scale.py": "try:\n    import util\nexcept ImportError:\n    pass\n"})
    before = identity(run("scale.Scale"))
    write(root, {"util.py": ""})
    assert identity(run("scale.Scale")) != before


def test_a_project_moves_without_new_runs(root, tmp_path_factory, monkeypatch):
    files = {"mypkg/__init__.py": "from .impl import Scale\n", "mypkg/impl.py": RULE}
    write(root, files)
    before = identity(run("mypkg.Scale"))
    other = tmp_path_factory.mktemp("other")
    write(other, files)
    monkeypatch.setattr(sys, "path", [str(other)])
    assert identity(run("mypkg.Scale")) == before
    assert set(sources(run("mypkg.Scale"))) == {str(other / name) for name in files}


def test_what_a_module_is_called_within_its_package_counts(root):
    """Two helpers that exchange their texts are other code, though the texts are the same."""
    write(root, {"scale.py": "import one, two\n", "one.py": "x = 1\n", "two.py": "x = 2\n"})
    before = identity(run("scale.Scale"))
    write(root, {"one.py": "x = 2\n", "two.py": "x = 1\n"})
    assert identity(run("scale.Scale")) != before


@pytest.mark.parametrize(
    "keys",
    [
        {"loss": {"_target_": "losses.Huber", "delta": 1.0}},
        {"layers": [{"_target_": "losses.Huber"}]},
        {"loss": "losses.huber"},
        {"loss": "losses:huber"},
    ],
)
def test_a_class_or_function_that_a_key_names_counts(keys, root):
    write(root, {**ONE, "losses.py": "def huber(): pass\n"})
    before = identity(run("scale.Scale", **keys))
    write(root, {"losses.py": "def huber(): return 1\n"})
    assert identity(run("scale.Scale", **keys)) != before


def test_a_factory_of_ones_own_within_a_choice_of_byzdl_counts(root):
    config = run("byzdl.defenses.mean.Mean", factory={"_target_": "losses.huber"})
    write(root, {"losses.py": "def huber(): pass\n"})
    before = identity(config)
    write(root, {"losses.py": "def huber(): return 1\n"})
    assert identity(config) != before


def test_an_installed_package_counts_with_its_own_files(root, monkeypatch):
    site = root / "site-packages"
    write(site, {"rules/__init__.py": "from .impl import Scale\nimport other\n", "rules/impl.py": RULE, "other.py": ""})
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    found = sources(run("rules.Scale"))
    assert set(found) == {str(site / "rules" / name) for name in ("__init__.py", "impl.py")}


def test_byzdls_own_classes_have_no_code_of_the_users(root):
    write(root, {"max.py": "", "ubar.py": ""})
    config = {"defense": {"_target_": "byzdl.defenses.ubar.Ubar", "name": "ubar"}, "model": {"arch": "max.x"}}
    assert sources(config) == {}
    assert identity(config) == "27a60274de"


@pytest.mark.parametrize("text", ["def", "\0", "x = '\\d'\n", "# coding: latin-1\nx = 'é'\n", "(" * 999])
def test_a_file_that_cannot_be_read_is_still_known_by_its_bytes(text, root):
    (root / "scale.py").write_bytes(text.encode("latin-1"))
    assert set(sources(run("scale.Scale"))) == {str(root / "scale.py")}


def test_the_second_of_two_edits_at_once_is_seen(root):
    """Times of files are coarse, and both texts may have one length."""
    found = set()
    for number in range(10):
        write(root, {"scale.py": f"x = {number}\n"})
        found.add(identity(run("scale.Scale")))
    assert len(found) == 10
