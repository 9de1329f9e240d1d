"""Reads adjacency matrices: of numbers in a text, of numpy, of scipy, and of Matrix Market."""

import io
from collections.abc import Callable, Sequence

import numpy as np

from byzdl.topology.drawing import Drawing, GraphFileError, Name
from byzdl.topology.text import lines

MATRIX = "a symmetric matrix of 0 and 1"

Place = Callable[[int, int], str]
"""Says where in the file the entry of a row and a column is; both count from 0."""


def from_entries(
    n: int, rows: np.ndarray, columns: np.ndarray, values: np.ndarray, names: Sequence[Name], place: Place
) -> Drawing:
    """Makes a graph from the entries of an adjacency matrix [n, n]: 1 is an edge, 0 or no entry is none.

    - `rows`, `columns`, `values` [m]: the entries
    - `names`: of the n nodes

    **Raises:** `GraphFileError` for any other number, and if the matrix is not symmetric.

    >>> cell = np.array([0]), np.array([1]), np.array([2.5])
    >>> from_entries(2, *cell, names=range(2), place=lambda i, j: f"[{i}, {j}]")
    Traceback (most recent call last):
    byzdl.topology.drawing.GraphFileError: a symmetric matrix of 0 and 1, as weights are not used; [0, 1] is 2.5
    """
    kept = values != 0
    rows, columns, values = rows[kept].astype(np.int64), columns[kept].astype(np.int64), values[kept]
    if len(other := np.flatnonzero(values != 1)):
        i, j, value = rows[other[0]], columns[other[0]], values[other[0]]
        raise GraphFileError(f"{MATRIX}, as weights are not used; {place(i, j)} is {value:.6g}")
    one_way = np.setdiff1d(rows * n + columns, columns * n + rows)
    if len(one_way):
        i, j = divmod(int(one_way[0]), n)
        raise GraphFileError(f"{MATRIX}, as edges have no direction; {place(i, j)} is 1, but {place(j, i)} is 0")
    upper = rows < columns
    pairs = zip(rows[upper].tolist(), columns[upper].tolist(), strict=True)
    return Drawing(names, [(names[i], names[j]) for i, j in pairs])


def of_numpy(data: bytes) -> Drawing:
    """Reads a .npy, or a .npz with a single array or a sparse matrix of scipy. Pickles are never opened.

    >>> file = io.BytesIO()
    >>> np.save(file, np.ones((3, 3), dtype=bool))
    >>> of_numpy(file.getvalue()).edges
    [(0, 1), (0, 2), (1, 2)]
    """
    with GraphFileError.of_library("a .npy or .npz file with a matrix of numbers"):
        loaded = np.load(io.BytesIO(data), allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return _of_array(loaded)
        arrays = {name: loaded[name] for name in loaded.files}
    if {"format", "shape", "data"} <= set(arrays):
        with GraphFileError.of_library("a sparse matrix of scipy"):
            return _of_sparse(arrays)
    if len(arrays) != 1:
        raise GraphFileError(f"a .npz with one matrix; it has {', '.join(arrays) or 'none'}")
    return _of_array(next(iter(arrays.values())))


def of_matrix_market(data: bytes) -> Drawing:
    r"""Reads a .mtx, dense (`array`) or sparse (`coordinate`), `general` or `symmetric`.

    >>> of_matrix_market(b"%%MatrixMarket matrix coordinate pattern symmetric\n2 2 1\n2 1\n").edges
    [(0, 1)]
    """
    first = data.partition(b"\n")[0][:80].decode("ascii", "replace")
    head, *words = first.lower().split() or [""]
    known = ("matrix",), ("coordinate", "array"), ("real", "integer", "pattern"), ("general", "symmetric")
    if head != "%%matrixmarket" or len(words) != 4 or not all(w in k for w, k in zip(words, known, strict=True)):
        takes = "a Matrix Market file of a general or symmetric matrix, real, integer or pattern"
        raise GraphFileError(f"{takes}; line 1 is {first.strip()!r}")
    found = lines(data, ".mtx")
    try:
        numbers = [[float(cell) for cell in line.cells] for line in found]
        sizes, body = [int(size) for size in numbers[0]], numbers[1:]
        _check((sizes[0], sizes[1]), np.dtype(float))
        symmetric = words[3] == "symmetric"
        read = _of_coordinates if words[1] == "coordinate" else _of_columns
        rows, columns, values = read(sizes, body, symmetric)
    except (ValueError, IndexError, OverflowError) as error:
        if isinstance(error, GraphFileError):
            raise
        raise GraphFileError(f"a Matrix Market file of numbers ({error})") from error
    if symmetric:
        off = rows != columns
        rows, columns = np.append(rows, columns[off]), np.append(columns, rows[off])
        values = np.append(values, values[off])
    return _of_entries(sizes[0], rows, columns, values)


def _of_coordinates(sizes: list[int], body: list[list[float]], symmetric: bool) -> tuple[np.ndarray, ...]:
    if len(body) != sizes[2]:
        raise GraphFileError(f"a Matrix Market file with {sizes[2]} entries; it has {len(body)}")
    table = np.array([[*entry, 1.0][:3] for entry in body]).reshape(len(body), 3)
    if not np.isfinite(table[:, :2]).all():
        raise GraphFileError("a Matrix Market file whose rows and columns are integers")
    return table[:, 0].astype(np.int64) - 1, table[:, 1].astype(np.int64) - 1, table[:, 2]


def _of_columns(sizes: list[int], body: list[list[float]], symmetric: bool) -> tuple[np.ndarray, ...]:
    n = sizes[0]
    if len(body) != (count := n * (n + 1) // 2 if symmetric else n * n):
        raise GraphFileError(f"a Matrix Market file with {count} entries; it has {len(body)}")
    columns, rows = np.triu_indices(n) if symmetric else np.divmod(np.arange(n * n), n)
    return rows, columns, np.array([entry[0] for entry in body])


def _of_sparse(arrays: dict[str, np.ndarray]) -> Drawing:
    """Reads the arrays of a sparse matrix, as `scipy.sparse.save_npz` writes them. Scipy itself trusts their indices."""
    form, shape = arrays["format"].item(), tuple(arrays["shape"].tolist())
    form = form.decode("ascii", "replace") if isinstance(form, bytes) else form
    _check(shape, arrays["data"].dtype)
    if form == "coo":
        rows, columns = arrays["coords"] if "coords" in arrays else (arrays["row"], arrays["col"])
    elif form in ("csr", "csc"):
        rows, columns = np.repeat(np.arange(shape[0]), np.diff(arrays["indptr"])), arrays["indices"]
        if form == "csc":
            rows, columns = columns, rows
    else:
        raise GraphFileError(f"a sparse matrix in the format csr, csc or coo; it is {form}")
    return _of_entries(shape[0], rows, columns, arrays["data"])


def _of_entries(n: int, rows: np.ndarray, columns: np.ndarray, values: np.ndarray) -> Drawing:
    """Adds up the entries of a sparse matrix that are stored several times."""
    if not len(rows) == len(columns) == len(values):
        raise GraphFileError("a sparse matrix with a row, a column and a value for each entry")
    for index in (rows, columns):
        if len(wrong := index[(index < 0) | (index >= n)]):
            raise GraphFileError(f"a sparse matrix of {n} rows and columns; an entry is at {wrong[0]}, counted from 0")
    cells, inverse = np.unique(rows.astype(np.int64) * n + columns.astype(np.int64), return_inverse=True)
    summed = np.bincount(inverse, weights=values.astype(np.float64), minlength=len(cells))
    return from_entries(n, cells // n, cells % n, summed, range(n), _brackets)


def _of_array(array: np.ndarray) -> Drawing:
    _check(array.shape, array.dtype)
    rows, columns = np.nonzero(array)
    return from_entries(len(array), rows, columns, array[rows, columns], range(len(array)), _brackets)


def _check(shape: tuple[int, ...], dtype: np.dtype) -> None:
    if len(shape) != 2 or shape[0] != shape[1] or not 0 < shape[0] < 2**31:
        raise GraphFileError(f"a square matrix; its shape is {list(shape)}")
    if dtype.kind not in "buif":
        raise GraphFileError(f"a matrix of numbers; its type is {dtype}")


def _brackets(i: int, j: int) -> str:
    return f"[{i}, {j}]"
