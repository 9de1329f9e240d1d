"""Splits a text file into lines, and lines into cells."""

import codecs
import csv
import re
from typing import NamedTuple

from byzdl.topology.drawing import GraphFileError

# Attributes as networkx writes them behind an edge, and a comment.
ATTRIBUTES = re.compile(r"\s*(\{.*\})\s*$")
COMMENT = re.compile(r"(^\s*%|(^|\s)#).*")
QUOTED = re.compile(r'"[^"]*"')
BLANKS_AROUND = re.compile(r"[ \t]*([,;])[ \t]*")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class Line(NamedTuple):
    """Holds the cells of a line.

    - `number`: the line's number in the file, from 1
    - `attributes`: `{...}` at its end, or empty
    """

    number: int
    cells: list[str]
    attributes: str = ""


def lines(data: bytes, ending: str) -> list[Line]:
    r"""Splits a file at commas, semicolons, tabs or blanks: whichever its first line has first. Drops comments.

    - `ending`: of the file; a .tsv is split at tabs alone, and a .csv at blanks only if there is nothing else

    **Raises:** `GraphFileError` for anything but text, for an empty file, and if the separator is ambiguous.

    >>> [line.cells for line in lines(b"# friends\nNew York, Boston\n", ".csv")]
    [['New York', 'Boston']]
    """
    found = []
    for number, raw in enumerate(_decoded(data).replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if rubbish := CONTROL.search(raw):
            raise GraphFileError(f"a text; line {number} holds the control character {rubbish[0]!r}")
        kept = COMMENT.sub("", raw)
        attributes = ATTRIBUTES.search(kept)
        kept = kept[: attributes.start()] if attributes else kept
        if kept.strip():
            found.append((number, kept, attributes[1] if attributes else ""))
    if not found:
        raise GraphFileError("a graph; it has no line but comments" if data.strip() else "a graph; it is empty")
    separator = _separator(found[0][1], ending)
    return [Line(number, _cells(kept, separator, number), attributes) for number, kept, attributes in found]


def is_integer(cell: str) -> bool:
    """Tells whether a cell is an integer in plain digits.

    >>> is_integer("12"), is_integer("1.0")
    (True, False)
    """
    return re.fullmatch(r"[+-]?[0-9]+", cell) is not None


def _decoded(data: bytes) -> str:
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        number, byte = data.count(b"\n", 0, error.start) + 1, data[error.start]
        raise GraphFileError(f"a text in UTF-8; line {number} holds the byte 0x{byte:02x}") from error


def _separator(first: str, ending: str) -> str:
    if ending == ".tsv":
        return "\t"
    plain = BLANKS_AROUND.sub(r"\1", QUOTED.sub("x", first.strip(" ")))
    wanted = "[,;\t]" if ending == ".csv" else "[,;\t ]"
    found = re.search(wanted, plain)
    return found[0] if found else " "


def _cells(line: str, separator: str, number: int) -> list[str]:
    if separator == " ":
        cells = next(csv.reader([" ".join(line.split())], delimiter=" "))
        others = [mark for mark in ",;\t" if mark in QUOTED.sub("", line.strip())]
        if others and not all(map(is_integer, cells[:2])):
            what = {",": "a comma", ";": "a semicolon", "\t": "a tab"}[others[0]]
            raise GraphFileError(
                f"a list with one separator; line {number} has blanks and {what} ({line.strip()[:80]!r})"
            )
        return cells
    try:
        return [
            cell.strip() for cell in next(csv.reader([line], delimiter=separator, strict=True, skipinitialspace=True))
        ]
    except csv.Error as error:
        raise GraphFileError(f"a list of edges; line {number} is {line.strip()[:80]!r} ({error})") from error
