"""Reads texts: lists of edges, lists of neighbours, and matrices."""

import re
from collections.abc import Sequence

import numpy as np

from byzdl.topology.drawing import Drawing, GraphFileError, Name
from byzdl.topology.matrices import from_entries
from byzdl.topology.text import Line, is_integer, lines

# What the two columns of a list are called, in lower case, without underscores and blanks. Other titles, such as u and v,
# might be nodes: they are titles only above integers.
ENDS = (
    ("source", "target"),
    ("from", "to"),
    ("src", "dst"),
    ("start", "end"),
    ("head", "tail"),
    ("tail", "head"),
    ("sender", "receiver"),
    ("fromnodeid", "tonodeid"),
    ("node1", "node2"),
    ("nodea", "nodeb"),
)
ZERO_WEIGHT = re.compile(r"""['"]weight['"]\s*:\s*[+-]?0+(\.0*)?\s*[,}]""")
WORDS = {"true": 1.0, "false": 0.0}
# No list of edges has so many columns without a header.
WIDE = 5


def of_text(data: bytes, ending: str) -> Drawing:
    r"""Reads a list of edges or an adjacency matrix, with or without a header.

    >>> of_text(b"source,target\n0,1\n1,2\n3\n", ".csv")
    Drawing(names=['0', '1', '2', '3'], edges=[('0', '1'), ('1', '2')])
    >>> of_text(b",a,b\na,0,1\nb,1,0\n", ".csv")
    Drawing(names=['a', 'b'], edges=[('a', 'b')])
    """
    found = lines(data, ending)
    drawing = _matrix(found)
    return _edges(found) if drawing is None else drawing


def of_neighbours(data: bytes) -> Drawing:
    r"""Reads a list of neighbours: in each line a node, then neighbours of it.

    >>> of_neighbours(b"0 1 2\n1 2\n3\n").edges
    [('0', '1'), ('0', '2'), ('1', '2')]
    """
    found = lines(data, ".adjlist")
    for line in found:
        for cell in line.cells:
            _check_name(cell, line)
    edges: list[tuple[Name, Name]] = [(line.cells[0], other) for line in found for other in line.cells[1:]]
    return Drawing(list(dict.fromkeys(cell for line in found for cell in line.cells)), edges)


def _matrix(found: Sequence[Line]) -> Drawing | None:
    """Reads a square of numbers, which may have the names of its rows and columns; None for a list of edges."""
    names, top, left = _labels([line.cells for line in found])
    body = [line.cells[left:] for line in found[top:]]
    n, widths = len(body), {len(row) for row in body}
    numbers = [[_number(cell) for cell in row] for row in body]
    if n < 2 or any(value is None for row in numbers for value in row):
        return None
    if widths != {n}:
        if names is None and min(widths) >= WIDE:
            shape = f"{n} lines of {' or '.join(map(str, sorted(widths)))} numbers"
            raise GraphFileError(f"a square matrix, or a list of edges; it has {shape}")
        return None
    array = np.array(numbers, dtype=np.float64)
    if not left and n < WIDE and not _is_clear(array, body):
        return None
    rows, columns = np.nonzero(array)

    def place(i: int, j: int) -> str:
        return f"cell {j + left + 1} of line {found[i + top].number}"

    return from_entries(n, rows, columns, array[rows, columns], names or range(n), place)


def _labels(table: Sequence[list[str]]) -> tuple[list[str] | None, int, int]:
    """Finds the names of a matrix: returns them, and the numbers of lines above and of cells on the left that hold them."""
    head, rest = table[0], table[1:]
    width = len(rest[0]) if rest else 0
    columns = head if len(head) == width - 1 else head[1:]
    if width and [row[0] for row in rest] == columns and (len(head) < width or not _is_number(head[0])):
        return columns, 1, 1
    # A header over a list of three edges would be as long as its lines: their numbers decide.
    titled = len(head) == width == len(rest) and _ends(head) is None
    counted = width > 2 and head in ([str(i) for i in range(width)], [str(i + 1) for i in range(width)])
    return (head, 1, 0) if titled and (counted or not any(map(_is_number, head))) else (None, 0, 0)


def _is_clear(array: np.ndarray, body: Sequence[list[str]]) -> bool:
    """Tells whether a square of at most 4 x 4 numbers is a matrix, as lists of edges can have the same shape."""
    symmetric, n = np.array_equal(array, array.T), len(array)
    if np.isin(array, (0, 1)).all():
        return symmetric or n > 2
    if symmetric and n > 2 and all(is_integer(cell) for row in body for cell in row):
        takes = "a list of edges with a header such as source,target,weight, or a matrix of 0 and 1"
        raise GraphFileError(f"{takes}; its {n} lines of {n} integers could be both")
    return symmetric and n > 2


def _edges(found: Sequence[Line]) -> Drawing:
    header = _header(found)
    a, b = header or (0, 1)
    rows = found[1:] if header else found
    titles = [cell.lower() for cell in found[0].cells] if header else []
    if not header:
        _refuse_neighbours(rows)
    names: dict[Name, None] = {}
    edges: list[tuple[Name, Name]] = []
    for line in rows:
        cells = [*line.cells, *[""] * (b + 1 - len(line.cells))]
        if titles and len(line.cells) > len(titles):
            raise GraphFileError(f"a list of edges; line {line.number} has more cells than the header ({_shown(line)})")
        one, other = cells[a], cells[b]
        if not one or (not other and any(cells[b:])):
            raise GraphFileError(f"a list of edges, with two nodes in a line; line {line.number} is {_shown(line)}")
        for name in filter(None, (one, other)):
            _check_name(name, line)
            names[name] = None
        if other:
            _check_edge(line, dict(zip(titles or ["", "", "weight"], line.cells, strict=False)))
            edges.append((one, other))
    return Drawing(list(names), edges)


def _header(found: Sequence[Line]) -> tuple[int, int] | None:
    """Finds the two columns of a list by the titles in its first line; None if the first line is an edge."""
    head, rest = found[0].cells, found[1:]
    if (ends := _ends(head)) is not None:
        a, b = ends
        # In a list of names, a node may be called u: then it occurs again.
        nodes = {cell for line in rest for cell in (*line.cells[a : a + 1], *line.cells[b : b + 1])}
        return ends if rest and not nodes & {head[a], head[b]} else None
    if head[0] == "":  # as pandas writes it, above the numbers of the rows
        return 1, 2
    integers = all(is_integer(cell) for line in rest for cell in line.cells[:2])
    titles = [cell for cell in head[:2] if not is_integer(cell)]
    return (0, 1) if len(titles) == 2 and rest and integers else None


def _ends(head: Sequence[str]) -> tuple[int, int] | None:
    """Finds the columns of a list's two nodes by what they are called."""
    titles = [re.sub(r"[_ ]", "", cell.lower()) for cell in head]
    for one, other in ENDS:
        if one in titles and other in titles:
            return titles.index(one), titles.index(other)
    return None


def _refuse_neighbours(rows: Sequence[Line]) -> None:
    """Refuses a list of neighbours: its lines are of several lengths, and all further cells are nodes."""
    longer = [line for line in rows if len(line.cells) > 2]
    if len({len(line.cells) for line in rows} - {1}) < 2 or not longer:
        return
    known = {line.cells[0] for line in rows}
    if all(is_integer(cell) and cell in known for line in longer for cell in line.cells):
        what = f"line {longer[0].number} is {_shown(longer[0])}; name a list of neighbours .adjlist"
        raise GraphFileError(f"a list of edges, with two nodes in a line; {what}")


def _check_name(name: str, line: Line) -> None:
    if "." in name and _is_number(name):
        takes = "a list of edges, whose nodes are integers or names"
        raise GraphFileError(
            f"{takes}; line {line.number} has the node {name} (numpy.savetxt writes integers by fmt='%d')"
        )


def _check_edge(line: Line, cells: dict[str, str]) -> None:
    if cells.get("type", "").lower() == "directed":
        raise GraphFileError(f"a list of undirected edges; line {line.number} is directed ({_shown(line)})")
    if _number(cells.get("weight", "")) == 0 or ZERO_WEIGHT.search(line.attributes):
        raise GraphFileError(f"a list of edges without weight 0; line {line.number} has it ({_shown(line)})")


def _shown(line: Line) -> str:
    return repr(" ".join([*line.cells, *([line.attributes] if line.attributes else [])])[:80])


def _number(cell: str) -> float | None:
    try:
        return WORDS.get(cell.lower()) if cell.lower() in WORDS else float(cell)
    except ValueError:
        return None


def _is_number(cell: str) -> bool:
    return _number(cell) is not None
