"""Image files, byte by byte: what no library's writer writes, and independently of the library that reads them."""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def png(values: NDArray, depth: int, extra: bytes = b"") -> bytes:
    """A PNG of grey [h, w], grey and alpha [h, w, 2], RGB [h, w, 3] or RGBA [h, w, 4], of 1 to 16 bits a value."""
    height, width = values.shape[:2]
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[values.size // (height * width)]
    bits = np.unpackbits(values.astype(">u2").view(np.uint8).reshape(height, -1, 2), axis=2)[:, :, 16 - depth :]
    rows = b"".join(b"\0" + np.packbits(row.ravel()).tobytes() for row in bits)
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND")


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def tiff(
    data: bytes,
    size: tuple[int, int],
    bits: Sequence[int],
    photometric: int = 1,
    sample_format: int = 1,
    order: str = "<",
    orientation: int = 1,
) -> bytes:
    """An uncompressed TIFF of one strip.

    - `size`: width, height
    - `bits`: of each channel
    """
    short, long = 3, 4
    fields = [
        (256, long, [size[0]]),
        (257, long, [size[1]]),
        (258, short, list(bits)),
        (259, short, [1]),
        (262, short, [photometric]),
        (273, long, [0]),
        (274, short, [orientation]),
        (277, short, [len(bits)]),
        (278, long, [size[1]]),
        (279, long, [len(data)]),
        (339, short, [sample_format] * len(bits)),
    ]
    start = 8 + 2 + 12 * len(fields) + 4
    entries, more = b"", b""
    place = start + sum(2 * len(values) for _, kind, values in fields if kind == short and len(values) > 2)
    for tag, kind, values in fields:
        values = [place] if tag == 273 else values
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == short else 'I'}", *values)
        if len(packed) > 4:
            packed, more = struct.pack(f"{order}I", start + len(more)), more + packed
        entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    return head + struct.pack(f"{order}H", len(fields)) + entries + bytes(4) + more + data


def folder(root: Path, files: dict[str, bytes | None]) -> Path:
    """Writes files by their relative names; None for an empty folder."""
    for name, content in files.items():
        path = root / name
        (path if content is None else path.parent).mkdir(parents=True, exist_ok=True)
        if content is not None:
            path.write_bytes(content)
    return root


def classes(image: bytes, suffix: str = "png", names: Sequence[str] = ("cat", "dog"), count: int = 2) -> dict:
    """The files of a whole image folder: the same image everywhere."""
    places = [f"{part}/{name}/{i}.{suffix}" for part in ("train", "test") for name in names for i in range(count)]
    return dict.fromkeys(places, image)


def separable(root: Path, suffix: str, peak: int, dtype: type) -> Path:
    """Two classes of 8x8 images, dark and light, with values from 0 to `peak`."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 30), ("test", 15)):
        for k, label in enumerate(("dark", "light")):
            (root / part / label).mkdir(parents=True)
            for i in range(count):
                values = (rng.uniform(0, 0.4, (8, 8)) + 0.5 * k) * peak
                Image.fromarray(values.astype(dtype)).save(root / part / label / f"{i}.{suffix}")
    return root
