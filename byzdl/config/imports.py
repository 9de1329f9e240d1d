"""What a Python file imports, read from its text. The file is not executed."""

import ast
import warnings
from collections.abc import Iterator
from typing import NamedTuple

# Functions that import a module by a text.
OF_A_NAME = {
    "__import__",
    "find_spec",
    "get_class",
    "get_method",
    "get_object",
    "import_module",
    "locate",
    "resolve_name",
}
# Functions that import or execute what no text needs to name.
OF_ANYTHING = {
    "exec",
    "instantiate",
    "iter_modules",
    "load_module",
    "run_module",
    "run_path",
    "spec_from_file_location",
    "walk_packages",
}


class Imports(NamedTuple):
    """The modules that a file may import.

    - `names`: absolute names. The last part of a name may also be an attribute of a module
    - `any`: whether there may be others, whose names are computed
    """

    names: frozenset[str]
    any: bool


def imports(text: bytes, module: str, is_package: bool) -> Imports:
    """Finds what a file imports at its top, within functions, and by functions such as `importlib.import_module`.

    - `text`: the file's bytes
    - `module`, `is_package`: the file's own name, and whether it is the `__init__` of a package

    >>> found = imports(b"from . import a; import b.c", "mine.rule", is_package=False)
    >>> sorted(found.names), found.any
    (['b.c', 'mine', 'mine.a'], False)
    >>> imports(b"importlib.import_module(f'mine.{name}')", "mine.rule", is_package=False)
    Imports(names=frozenset({'mine'}), any=True)
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its escape sequences: they are not byzdl's
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # Reported when the file is imported.
        return Imports(frozenset(), any=False)
    package = module if is_package else module.rpartition(".")[0]
    names: set[str] = set()
    functions = OF_A_NAME | OF_ANYTHING
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                names.update(alias.name for alias in node.names)
            case ast.ImportFrom():
                base = _absolute("." * node.level + (node.module or ""), package)
                names.update([base, *(".".join(filter(None, [base, alias.name])) for alias in node.names)])
                functions |= {alias.asname for alias in node.names if alias.name in functions and alias.asname}
            case ast.Assign(targets=[ast.Name(id="__all__")]) if is_package:  # what a star imports
                names.update(f"{module}.{text}" for text in _texts(node.value))
    known: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node.func) in functions:
            names.update(_absolute(text, base) for text in _texts(node) for base in (package, *_texts(node)))
            if node.args and isinstance(node.args[0], ast.Constant) and _called(node.func) not in OF_ANYTHING:
                known.add(node.func)
    uses = (node for node in ast.walk(tree) if _called(node) in functions or _changes_path(node))
    return Imports(frozenset(filter(None, names)), any=any(node not in known for node in uses))


def _changes_path(node: ast.AST) -> bool:
    """Whether it is `sys.path.insert`, or what sets `sys.path`: such a file imports from elsewhere."""
    match node:
        case ast.Attribute(value=ast.Attribute(attr="path", value=ast.Name(id="sys"))):
            return node.attr in ("append", "extend", "insert")
        case ast.Attribute(attr="path", value=ast.Name(id="sys"), ctx=ast.Store()):
            return True
        case ast.Subscript(value=ast.Attribute(attr="path", value=ast.Name(id="sys")), ctx=ast.Store()):
            return True
    return False


def _called(node: ast.AST) -> str:
    """The last part of a name such as `importlib.import_module`; empty for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _texts(node: ast.AST) -> Iterator[str]:
    """The texts in an expression that may be, or begin, the name of a module."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            name = inner.value.strip().rstrip(".").replace(":", ".")
            if name and all(part.isidentifier() for part in name.lstrip(".").split(".")):
                yield name


def _absolute(name: str, package: str) -> str:
    level = len(name) - len(name.lstrip("."))
    above = package.split(".")[: -level + 1 or None] if level else []
    return ".".join(filter(None, [*above, name[level:]]))
