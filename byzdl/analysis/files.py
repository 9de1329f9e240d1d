"""Reads the files of a run's folder: records, configurations, tables."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from byzdl.config.columns import SCHEMA_VERSION
from byzdl.config.keys import FIRST_NAMES

# One number for run.json, the columns of its tables, and the sweep manifests.
KNOWN_SCHEMAS = (SCHEMA_VERSION,)

# The beginning of each outermost key.
OUTERMOST = re.compile(r"^(?=\w)", re.MULTILINE)

# Columns of integers; all others hold floats.
WHOLE_NUMBERS = ("round", "node", "neighbour")


class AnalysisError(Exception):
    """Says in one line what makes an analysis impossible."""


def record(file: Path) -> dict[str, Any]:
    """Reads a run.json or a sweep's manifest.

    **Raises:** `AnalysisError` if it cannot be read, or if its schema version is unknown.
    """
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AnalysisError(f"{file}: cannot be read ({error})") from error
    schema = facts.get("schema") if isinstance(facts, dict) else None
    if schema not in KNOWN_SCHEMAS:
        known = ", ".join(map(str, KNOWN_SCHEMAS))
        raise AnalysisError(f"{file}: the schema version is {schema}, but must be {known}, which this byzdl reads")
    assert isinstance(facts, dict)
    return facts


def config(file: Path) -> dict[str, Any]:
    """Reads a config.yaml as flat keys. Lists become JSON.

    **Raises:** `AnalysisError` if it cannot be read, or is empty.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "config.yaml")
    ...     _ = file.write_text("{attack: {name: max, br: 0.3}, seed: 0}")
    ...     config(file)
    {'attack.name': 'max', 'attack.br': 0.3, 'seed': 0}
    """
    try:
        text = file.read_text(encoding="utf-8")
        if not text.strip():
            raise ValueError("it is empty")
        try:
            return dict(item for block in OUTERMOST.split(text) for item in _items(block))
        except yaml.YAMLError:
            # A block may refer to another one. If the YAML is wrong, the error should name the line in the file.
            return dict(_items(text))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise AnalysisError(f"{file}: cannot be read ({' '.join(str(error).split())})") from error


def table(file: Path) -> tuple[tuple[str, ...], list[list[float]]]:
    """Reads the columns and rows of a rounds.csv, nodes.csv or edges.csv. Empty cells become NaN.

    **Raises:** `AnalysisError` if it cannot be read, or if a cell is not a number.
    """
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            head, *body = csv.reader(lines)
        # Python's float reads back exactly what was written.
        rows = [[float(cell or "nan") for cell in row] for row in body]
        whole = [[row[head.index(name)] for row in rows] for name in WHOLE_NUMBERS if name in head]
        if "round" not in head or {len(row) for row in rows} - {len(head)}:
            raise ValueError("a row has more or fewer cells than the header, or there is no column round")
        if not all(number.is_integer() for column in whole for number in column):
            raise ValueError("a round or a node is not an integer")
    except (OSError, ValueError, IndexError) as error:
        raise AnalysisError(f"{file}: cannot be read ({error})") from error
    return tuple(head), rows


# YAML is slow, and the runs of a sweep share most blocks of their configurations. With this cache, reading 5,000 files
# takes half a second instead of half a minute.
@lru_cache(maxsize=10_000)
def _items(text: str) -> tuple[tuple[str, Any], ...]:
    return tuple(_flat(yaml.safe_load(text)))


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        yield path, json.dumps(value)
    elif path:
        # A run's identity does the same: 1 and 1.0 are one value, and a class has one name.
        plain = int(value) if isinstance(value, float) and value.is_integer() else value
        yield path, FIRST_NAMES.get(plain, plain) if isinstance(plain, str) else plain
