"""The files of a run as they lie in its folder: records, configurations, tables."""

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

# Versions of run.json, of the columns that it stands for, and of the sweep manifests.
KNOWN_SCHEMAS = (SCHEMA_VERSION,)

# Where a key of the outermost level begins.
OUTERMOST = re.compile(r"^(?=\w)", re.MULTILINE)

WHOLE_NUMBERS = ("round", "node", "neighbour")


class AnalysisError(Exception):
    """What makes a folder impossible to analyse, in one line."""


def record(file: Path) -> dict[str, Any]:
    """A run.json or a sweep's manifest.

    **Raises:** `AnalysisError` where it cannot be read, or has a schema that is not known.
    """
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AnalysisError(f"{file}: cannot be read ({error})") from error
    schema = facts.get("schema") if isinstance(facts, dict) else None
    if schema not in KNOWN_SCHEMAS:
        known = ", ".join(map(str, KNOWN_SCHEMAS))
        raise AnalysisError(f"{file}: has schema version {schema}; this byzdl.analysis knows {known}")
    assert isinstance(facts, dict)
    return facts


def config(file: Path) -> dict[str, Any]:
    """A config.yaml, flat: `{"attack.name": "max", "seed": 0, ...}`, lists as JSON.

    **Raises:** `AnalysisError` where it cannot be read, or is empty.
    """
    try:
        text = file.read_text(encoding="utf-8")
        if not text.strip():
            raise ValueError("it is empty")
        try:
            return dict(item for block in OUTERMOST.split(text) for item in _items(block))
        except yaml.YAMLError:  # a block may refer to another one; and where it is wrong, the file's own line is told
            return dict(_items(text))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise AnalysisError(f"{file}: cannot be read ({' '.join(str(error).split())})") from error


def table(file: Path) -> tuple[tuple[str, ...], list[list[float]]]:
    """The columns and rows of a rounds.csv or nodes.csv, what is empty as NaN.

    **Raises:** `AnalysisError` where it cannot be read, or a cell is no number.
    """
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            head, *body = csv.reader(lines)
        # Python's float reads back exactly.
        rows = [[float(cell or "nan") for cell in row] for row in body]
        whole = [[row[head.index(name)] for row in rows] for name in WHOLE_NUMBERS if name in head]
        if "round" not in head or {len(row) for row in rows} - {len(head)}:
            raise ValueError("not every row has a cell for each column, or none is called round")
        if not all(number.is_integer() for column in whole for number in column):
            raise ValueError("a round or a node is no whole number")
    except (OSError, ValueError, IndexError) as error:
        raise AnalysisError(f"{file}: cannot be read ({error})") from error
    return tuple(head), rows


# The runs of a sweep share nearly all that they are configured by, and YAML is slow: 5,000 files are read in half a
# second in place of half a minute.
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
        # As for a run's identity, 1 and 1.0 are one value, and a class has one name.
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        yield path, FIRST_NAMES.get(whole, whole) if isinstance(whole, str) else whole
