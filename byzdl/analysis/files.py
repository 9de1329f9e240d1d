"""Reads the files of a run's folder: records, configurations, tables. Trusts none of them."""

import csv
import io
import json
import re
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any

import yaml

from byzdl.analysis.kinds import CONFIG, RECORD, Kind
from byzdl.config.columns import SCHEMA_VERSION, SCORES, tables
from byzdl.config.keys import FIRST_NAMES, GROUPS, LATER, LATER_OF

# One number for run.json, the columns of its tables, and the sweep manifests.
KNOWN_SCHEMAS = (SCHEMA_VERSION,)

# The beginning of each outermost key.
OUTERMOST = re.compile(r"^(?=\w)", re.MULTILINE)

# Columns of integers; all others hold floats. Together they name a row of its table.
WHOLE_NUMBERS = ("round", "node", "neighbour")
LARGEST = 2**53  # Beyond, a float is no exact integer.

# References within a YAML can make a few lines as large as the memory.
MOST_VALUES = 100_000

LONGEST = 200  # letters of a reason


class AnalysisError(Exception):
    """Says in one line what makes an analysis impossible."""


def record(file: Path) -> dict[str, Any]:
    """Reads a run.json or a sweep's manifest.

    **Raises:** `AnalysisError` if it cannot be read, or if its schema version is unknown.
    """
    with reading(file):
        content = text(file)
        facts = json.loads(content)
        _check_letters(content, facts)
    schema = facts.get("schema") if isinstance(facts, dict) else None
    if schema not in KNOWN_SCHEMAS:
        known = ", ".join(map(str, KNOWN_SCHEMAS))
        got = _short(schema)
        raise AnalysisError(f"{file}: the schema version is {got}, but must be {known}, which this byzdl reads")
    assert isinstance(facts, dict)
    return facts


def run_record(folder: Path) -> dict[str, Any]:
    """Reads the run.json of a run's folder, and checks the facts that analysis uses.

    **Raises:** `AnalysisError` as `record`, or if a fact has a wrong type.
    """
    facts = record(folder / "run.json")
    _check(folder / "run.json", facts, RECORD)
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
    with reading(file):
        content = text(file)
        if not content.strip():
            raise ValueError("it is empty")
        try:
            return dict(item for block in OUTERMOST.split(content) for item in _items(block))
        except (yaml.YAMLError, ValueError):
            # A block may refer to another one. If the YAML is wrong, the error should name the line in the file.
            return dict(_items(content))


def run_config(folder: Path) -> dict[str, Any]:
    """Reads the config.yaml of a run's folder, adds keys that came later, and checks those that analysis uses.

    **Raises:** `AnalysisError` as `config`, or if a key is absent or has a wrong value.
    """
    file = folder / "config.yaml"
    found = config(file)
    later = {f"{group}.{key}": value for group in GROUPS for key, value in _later_of(found, group).items()}
    found |= {key: value for key, value in {**LATER, **later}.items() if key not in found}
    if absent := [key for key, kind in CONFIG.items() if kind.needed and key not in found]:
        raise AnalysisError(f"{file}: lacks {', '.join(absent)}")
    _check(file, found, CONFIG)
    return found


def _later_of(found: Mapping[str, Any], group: str) -> Mapping[str, Any]:
    return LATER_OF.get(str(found.get(f"{group}._target_")), {})


def table(file: Path, until: int | None = None) -> tuple[tuple[str, ...], list[list[float]]]:
    """Reads the columns and rows of a rounds.csv, nodes.csv or edges.csv. Empty cells become NaN.

    - `until`: the round of the last row; None to accept any

    **Raises:** `AnalysisError` if it cannot be read, if it lacks a column or an end, if a cell is not a number, or if
    two rows have the same round, node and neighbour.
    """
    with reading(file):
        head, *body = csv.reader(io.StringIO(_whole(text(file)), newline=""))
        _check_header(file, head)
        if ragged := next((row for row in body if len(row) != len(head)), None):
            raise ValueError(f"a row has {len(ragged)} cells, its header {len(head)}")
        rows = _numbers(head, body)
        if "neighbour" not in head and len(set(Counter(row[head.index("round")] for row in rows).values())) > 1:
            raise ValueError("a round lacks nodes that another one has")
        if until is not None and (last := max((row[head.index("round")] for row in rows), default=-1)) != until:
            raise ValueError(f"it ends at round {last:g}, its run at round {until}" if rows else "it has no row")
    return tuple(head), rows


def score_in(columns: Sequence[str]) -> str:
    """Returns the score that a table holds, by its columns.

    >>> score_in(["round", "r2_mean"])
    'r2'
    """
    return next((score for score in SCORES if any(column.startswith(score) for column in columns)), SCORES[0])


def cells(file: Path) -> list[dict[str, str]]:
    """Reads a rounds.csv as text, without the seconds: what two runs of the same result have in common.

    **Raises:** `AnalysisError` if it cannot be read.
    """
    with reading(file):
        rows = csv.DictReader(io.StringIO(text(file), newline=""))
        return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Turns any error of a reader into an `AnalysisError` with the file's name, on one line.

    A damaged file makes the readers of JSON, YAML and CSV raise almost anything, from `KeyError` to `RecursionError`.
    """
    try:
        yield
    except AnalysisError:
        raise
    except Exception as error:
        raise AnalysisError(f"{file}: cannot be read ({reason(error)})") from error


def reason(error: Exception) -> str:
    """Says on one short line what an error says, without a file's name.

    >>> reason(IsADirectoryError(21, "Is a directory", "outputs/run/run.json"))
    'Is a directory'
    """
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return _cut(" ".join(said.split())) or type(error).__name__


def text(file: Path) -> str:
    """Reads a file as UTF-8, with its line ends as they are.

    **Raises:** `ValueError` if it is no regular file, such as a folder or a pipe, or no UTF-8; `OSError` as usual.
    """
    if not stat.S_ISREG(file.stat().st_mode):
        raise ValueError("it is no file")
    with file.open(encoding="utf-8", newline="") as opened:
        return opened.read()


def _check_letters(content: str, value: Any) -> None:
    """Refuses half a letter, which JSON and YAML can write, but nothing can print."""
    if r"\ud" in content.lower():
        json.dumps(value, ensure_ascii=False, default=str).encode()


def _whole(content: str) -> str:
    if not content.strip():
        raise ValueError("it is empty")
    if not content.endswith("\n"):
        raise ValueError("its last line is cut off")
    return content


def _check_header(file: Path, head: Sequence[str]) -> None:
    if absent := [column for column in tables(score_in(head)).get(file.name, ("round",)) if column not in head]:
        raise ValueError(
            f"it lacks the columns {', '.join(absent)}" if absent[1:] else f"it lacks the column {absent[0]}"
        )
    if twice := [column for column, count in Counter(head).items() if count > 1]:
        raise ValueError(f"it has the column {twice[0]} twice")


def _numbers(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[list[float]]:
    """Parses the cells, and checks what names a row, and what is a share."""
    try:
        # Python's float reads back exactly what was written.
        rows = [[float(cell or "nan") for cell in row] for row in body]
    except ValueError:
        for row in body:
            for column, cell in zip(head, row, strict=True):
                if not _is_number(cell):
                    raise ValueError(f"{column} is {_short(cell)}, but must be a number") from None
        raise
    keys = [head.index(name) for name in WHOLE_NUMBERS if name in head]
    for key in keys:
        if wrong := next((row for row in rows if not (row[key].is_integer() and 0 <= row[key] < LARGEST)), None):
            raise ValueError(f"a {head[key]} is {wrong[key]}, but must be an integer, at least 0")
    for share in (head.index(name) for name in head if name.startswith("accuracy") or name.endswith("_rate")):
        if wrong := next((row for row in rows if isfinite(row[share]) and not 0 <= row[share] <= 1), None):
            raise ValueError(f"{head[share]} is {wrong[share]:g}, but must be in [0, 1]")
    named = Counter(tuple(int(row[key]) for key in keys) for row in rows)
    if twice := [name for name, count in named.most_common(1) if count > 1]:
        raise ValueError(f"two rows have {', '.join(f'{head[k]} {n}' for k, n in zip(keys, twice[0], strict=True))}")
    return rows


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True


def _check(file: Path, found: Mapping[str, Any], kinds: Mapping[str, Kind]) -> None:
    for key, kind in kinds.items():
        if (key in found or kind.needed) and not kind.holds(found.get(key)):
            raise AnalysisError(f"{file}: {key} is {_short(found.get(key))}, but must be {kind.takes}")


def _short(value: Any) -> str:
    try:
        return _cut(" ".join(repr(value).split()))
    except ValueError:  # Python refuses to write an integer of thousands of digits.
        return "too long a number"


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


# YAML is slow, and the runs of a sweep share most blocks of their configurations. With this cache, reading 5,000 files
# takes half a second instead of half a minute.
@lru_cache(maxsize=10_000)
def _items(block: str) -> tuple[tuple[str, Any], ...]:
    found = yaml.safe_load(block)
    if found is not None and not isinstance(found, Mapping):
        raise ValueError("it is no mapping of keys to values")
    if len(list(islice(_values(found), MOST_VALUES))) == MOST_VALUES:
        raise ValueError("it has too many values")
    _check_letters(block, found)
    return tuple(_flat(found or {}))


def _values(value: Any) -> Iterator[Any]:
    """Yields a value and all values within, as often as they are referred to."""
    yield value
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _values(inner)


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        yield path, json.dumps(value, default=str)
    else:
        # A run's identity does the same: 1 and 1.0 are one value, and a class has one name.
        plain = int(value) if isinstance(value, float) and value.is_integer() else value
        plain = plain if plain is None or isinstance(plain, str | int | float) else str(plain)
        yield path, FIRST_NAMES.get(plain, plain) if isinstance(plain, str) else plain
