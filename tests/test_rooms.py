"""The rooms of the package: imports go down only, and each room is as light as it says."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "byzdl"

# From the top floor down. A room imports rooms of lower floors alone.
FLOORS = (
    {"api", "testing", "__main__"},
    {"commands"},
    {"sweeping"},
    {"runs"},
    {"simulation"},
    {"attacks", "defenses", "preaggregation", "data", "models"},
    {"exchange"},
    {"topology"},
    {"vectors"},
    {"config"},
    {"analysis"},
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# Modules of the root that import nothing of byzdl: every room may import them.
LEAVES = {"cores", "files", "lazy", "pipe", "progress", "random_streams", "samples"}

# All that analysis may import of byzdl.
OF_ANALYSIS = {"byzdl.config.keys", "byzdl.config.columns", "byzdl.files", "byzdl.pipe"}


def modules() -> list[Path]:
    return sorted(file for file in PACKAGE.rglob("*.py") if "plugins" not in file.parts)


def name(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name(file) for file in modules()}


def imports(file: Path) -> Iterator[str]:
    """The modules of byzdl that a file imports, at its top or within a function."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "byzdl")
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "byzdl":
            assert node.module
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in NAMES else node.module


def room(module: str) -> str:
    """The room of a module; `api` for the root, whose `__init__` is the Python API."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "api"


def complaint(module: str, imported: str) -> str | None:
    """What is wrong with an import, if anything is."""
    own, other = room(module), room(imported)
    if own in LEAVES:
        return f"{module}, a leaf, imports {imported}"
    if own == "analysis":
        fine = other == "analysis" or imported in OF_ANALYSIS
    else:
        fine = own == other or other in LEAVES or FLOOR[other] > FLOOR[own]
    return None if fine else f"{module} imports {imported}"


def test_imports_go_down_only():
    found = [complaint(name(file), imported) for file in modules() for imported in imports(file)]
    assert len(found) > 300
    assert not list(filter(None, found))


def test_an_import_upwards_or_sideways_would_be_found():
    assert complaint("byzdl.defenses.base", "byzdl.simulation.rounds")
    assert complaint("byzdl.defenses.base", "byzdl.attacks.base")
    assert complaint("byzdl.analysis.load", "byzdl.config.identity")
    assert complaint("byzdl.files", "byzdl.config.keys")
    assert complaint("byzdl.config.identity", "byzdl")
    assert complaint("byzdl.defenses.base", "byzdl.files") is None


def test_no_modules_import_each_other():
    graph = nx.DiGraph((name(file), imported) for file in modules() for imported in imports(file))
    rooms = nx.DiGraph((room(a), room(b)) for a, b in graph.edges if room(a) != room(b))
    assert not list(nx.simple_cycles(rooms))
    # A room's `__init__` names what is in it, and so its modules import one another by their own names.
    assert not [cycle for cycle in nx.simple_cycles(graph) if len(cycle) > 1]


@pytest.mark.parametrize(
    ("modules", "without"),
    [
        (["byzdl", "byzdl.commands.main"], ["torch", "pandas", "hydra", "pydantic"]),
        (
            [
                *(f"byzdl.config.{name}" for name in ("describe", "explain", "identity", "types")),
                "byzdl.commands.train",
                "byzdl.sweeping.plan",
            ],
            ["torch", "pandas"],
        ),
        (
            ["byzdl.simulation", "byzdl.simulation.settings", "byzdl.testing"],
            ["hydra", "pandas", "matplotlib", "torchvision", "pytest", "_pytest", "hypothesis"],
        ),
        # Of byzdl.analysis, tests/analysis/test_load.py tells the same after figures are drawn.
    ],
)
def test_rooms_are_as_light_as_they_say(modules, without):
    code = f"import sys, {', '.join(modules)}; print(*[name for name in {without} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_hydras_private_modules_are_used_in_one_file():
    users = [name(file) for file in modules() if "hydra._internal" in file.read_text(encoding="utf-8")]
    assert users == ["byzdl.sweeping.hydra_internals"]
