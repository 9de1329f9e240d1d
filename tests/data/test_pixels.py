"""Images of every format and mode: the right pixels, or one line that names the file."""

import io
import struct
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import chunk, png, tiff
from numpy.typing import NDArray
from PIL import Image, features

from byzdl.data.pixels import TransparentError, UnfitError, read


def saved(image: Image.Image, kind: str, **more: object) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **more)
    return content.getvalue()


def packed(values: NDArray, bits: int, order: str) -> bytes:
    """Rows of values, each row filled up to whole bytes."""
    if bits == 12:
        wide = np.unpackbits(values.astype(">u2").view(np.uint8).reshape(*values.shape, 2), axis=2)[:, :, 4:]
        return b"".join(np.packbits(row.ravel()).tobytes() for row in wide)
    return values.astype(f"{order}u{bits // 8}").tobytes()


# Each kind of file: its bytes, and the RGB values [h, w, 3] that it shows, from numbers `drawn` [h, w, 4] in [0, 1].
Made = tuple[bytes, NDArray]
KINDS: dict[str, Callable[[NDArray], Made]] = {}


def kind(function: Callable[..., Made], **more: object) -> None:
    name = f"{function.__name__} {' '.join(f'{key}={value}' for key, value in more.items())}".strip()
    KINDS[name] = lambda drawn: function(drawn, **more)


def grey(levels: NDArray) -> NDArray:
    return np.repeat(levels[:, :, None], 3, 2)


def levels_of(drawn: NDArray, bits: int) -> NDArray:
    return np.round(drawn * (2**bits - 1)).astype(np.int64)


def grey_png(drawn: NDArray, depth: int) -> Made:
    values = levels_of(drawn[:, :, 0], depth)
    return png(values, depth), grey(values / (2**depth - 1) * 255)


def colour_png(drawn: NDArray, depth: int) -> Made:
    values = levels_of(drawn[:, :, :3], depth)
    return png(values, depth), values / (2**depth - 1) * 255


def opaque_png(drawn: NDArray, channels: int, depth: int) -> Made:
    values = levels_of(drawn[:, :, :channels], depth)
    values[:, :, -1] = 2**depth - 1
    shown = values[:, :, :-1] / (2**depth - 1) * 255
    return png(values, depth), shown if channels == 4 else grey(shown[:, :, 0])


def grey_tiff(drawn: NDArray, bits: int, photometric: int, order: str) -> Made:
    values = levels_of(drawn[:, :, 0], bits)
    level = values / (2**bits - 1)
    file = tiff(packed(values, bits, order), values.shape[::-1], [bits], photometric, order=order)
    return file, grey((1 - level if photometric == 0 else level) * 255)


def colour_tiff(drawn: NDArray, bits: int, order: str) -> Made:
    values = levels_of(drawn[:, :, :3], bits)
    return tiff(packed(values, bits, order), values.shape[1::-1], [bits] * 3, 2, order=order), values / (
        2**bits - 1
    ) * 255


def cmyk_tiff(drawn: NDArray) -> Made:
    values = levels_of(drawn, 8)
    shown = (255 - values[:, :, :3]) * (255 - values[:, :, 3:]) / 255
    return tiff(values.astype(np.uint8).tobytes(), values.shape[1::-1], [8] * 4, 5), shown


def ycbcr_tiff(drawn: NDArray) -> Made:
    values = levels_of(drawn[:, :, :3], 8)
    y, cb, cr = (values[:, :, i].astype(float) for i in range(3))
    shown = np.stack(
        [
            y + 1.402 * (cr - 128),
            y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128),
            y + 1.772 * (cb - 128),
        ],
        axis=2,
    )
    image = Image.frombytes("YCbCr", values.shape[1::-1], values.astype(np.uint8).tobytes())
    return saved(image, "TIFF"), shown.clip(0, 255)


def lab_tiff(drawn: NDArray) -> Made:
    """Neutral colours: CIE lightness alone."""
    values = levels_of(drawn[:, :, :3], 8)
    values[:, :, 1:] = 0  # a and b, signed
    f = (values[:, :, 0] / 255 * 100 + 16) / 116
    y = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    srgb = np.where(y <= 0.0031308, 12.92 * y, 1.055 * y ** (1 / 2.4) - 0.055)
    return tiff(values.astype(np.uint8).tobytes(), values.shape[1::-1], [8] * 3, 8), grey(srgb * 255)


def pgm(drawn: NDArray, peak: int) -> Made:
    values = np.round(drawn[:, :, 0] * peak).astype(np.int64)
    data = values.astype(">u2" if peak > 255 else "u1").tobytes()
    return b"P5 %d %d %d\n" % (*values.shape[::-1], peak) + data, grey(values / peak * 255)


def black_and_white(drawn: NDArray, saver: str) -> Made:
    values = levels_of(drawn[:, :, 0], 1).astype(bool)
    return saved(Image.fromarray(values), saver), grey(values * 255.0)


def jpeg_2000(drawn: NDArray) -> Made:
    values = levels_of(drawn[:, :, 0], 16).astype(np.uint16)
    return saved(Image.fromarray(values), "JPEG2000"), grey(values / 65535 * 255)


def palette(drawn: NDArray, saver: str) -> Made:
    colours = np.random.default_rng(0).integers(0, 256, (256, 3))
    values = levels_of(drawn[:, :, 0], 8).astype(np.uint8)
    image = Image.fromarray(values).convert("P")
    image.putpalette(colours.astype(np.uint8).tobytes())
    image.putdata(values.ravel().tolist())
    return saved(image, saver), colours[values].astype(float)


def lossless(drawn: NDArray, saver: str) -> Made:
    values = levels_of(drawn[:, :, :3], 8).astype(np.uint8)
    return saved(Image.fromarray(values), saver, lossless=True), values.astype(float)


for depth in (1, 2, 4, 8, 16):
    kind(grey_png, depth=depth)
for depth in (8, 16):
    kind(colour_png, depth=depth)
    kind(opaque_png, channels=2, depth=depth)
    kind(opaque_png, channels=4, depth=depth)
for order in "<>":
    kind(colour_tiff, bits=8, order=order)
    kind(colour_tiff, bits=16, order=order)
    kind(grey_tiff, bits=16, photometric=1, order=order)
    kind(grey_tiff, bits=8, photometric=0, order=order)
kind(grey_tiff, bits=16, photometric=0, order="<")
kind(grey_tiff, bits=12, photometric=1, order="<")
for function in (cmyk_tiff, ycbcr_tiff):
    kind(function)
for peak in (1, 7, 255, 1000, 65535):
    kind(pgm, peak=peak)
for saver in ("PNG", "TIFF", "BMP", "PPM"):
    kind(black_and_white, saver=saver)
for saver in ("PNG", "TIFF", "BMP", "GIF", "TGA", "PCX"):
    kind(palette, saver=saver)
for saver in ("PPM", "BMP", "TIFF", "SGI", "TGA", *(["WEBP"] if features.check("webp") else [])):
    kind(lossless, saver=saver)
if features.check("littlecms2"):
    kind(lab_tiff)
if features.check("jpg_2000"):
    kind(jpeg_2000)

SIDES = st.tuples(st.integers(1, 5), st.integers(1, 5))


def reading(content: bytes, name: str = "image", **more: object) -> NDArray:
    with TemporaryDirectory() as folder:
        (file := Path(folder) / name).write_bytes(content)
        return np.asarray(read(file, **more)).astype(float)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=8)
@given(sides=SIDES, seed=st.integers(0, 2**32 - 1))
def test_every_mode_is_read_with_the_levels_that_its_file_means(name, sides, seed):
    content, shown = KINDS[name](np.random.default_rng(seed).random((*sides, 4)))
    # Rounded once; libraries round colours to the level below, and convert colour spaces in two steps.
    np.testing.assert_allclose(reading(content), shown, atol=2 if "lab" in name or "ycbcr" in name else 1)


@given(sides=SIDES, seed=st.integers(0, 2**32 - 1))
def test_16_bits_are_rounded_to_the_nearest_of_256_levels(sides, seed):
    values = np.random.default_rng(seed).integers(0, 65536, sides)
    np.testing.assert_allclose(reading(png(values, 16)), grey(values / 257), atol=0.5)


TURNED: dict[int, Callable[[NDArray], NDArray]] = {
    1: lambda x: x,
    2: np.fliplr,
    3: lambda x: np.rot90(x, 2),
    4: np.flipud,
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: np.rot90(x, 2).swapaxes(0, 1),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", TURNED)
def test_an_image_is_read_upright(orientation):
    values = np.random.default_rng(0).integers(0, 256, (2, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[274] = orientation
    expected = TURNED[orientation](grey(values))
    np.testing.assert_array_equal(reading(saved(Image.fromarray(values), "PNG", exif=exif)), expected)
    np.testing.assert_array_equal(reading(tiff(values.tobytes(), (3, 2), [8], orientation=orientation)), expected)


def test_damaged_exif_turns_nothing():
    values = np.array([[0, 255]], dtype=np.uint8)
    assert reading(png(values, 8, chunk(b"eXIf", b"II*\0nonsense")))[0, :, 0].tolist() == [0, 255]


TRANSPARENT = {
    "grey and alpha": png(np.array([[[9, 0], [200, 255]]]), 8),
    "RGBA": png(np.array([[[9, 9, 9, 0], [200, 200, 200, 255]]]), 8),
    "16-bit RGBA": png(np.array([[[9, 9, 9, 0], [51400, 51400, 51400, 65535]]]), 16),
    "a transparent grey": png(np.array([[9, 200]]), 8, chunk(b"tRNS", struct.pack(">H", 9))),
    "a transparent 16-bit grey": png(np.array([[9, 51400]]), 16, chunk(b"tRNS", struct.pack(">H", 9))),
    "a transparent colour": png(
        np.array([[[1, 2, 3], [200, 200, 200]]]), 8, chunk(b"tRNS", struct.pack(">3H", 1, 2, 3))
    ),
}


@pytest.mark.parametrize("content", TRANSPARENT.values(), ids=TRANSPARENT.keys())
def test_transparent_pixels_need_a_background(content):
    with pytest.raises(TransparentError, match=r"clear\.png has transparent pixels"):
        reading(content, "clear.png")
    for background, level in (("black", 0), ("white", 255)):
        assert reading(content, background=background)[0].tolist() == [[level] * 3, [200] * 3]


def test_half_transparent_pixels_are_mixed_with_the_background():
    content = png(np.array([[[100, 51]]]), 8)  # a fifth of 100, four fifths of the background
    assert reading(content, background="black").ravel().tolist() == [20] * 3
    assert reading(content, background="white").ravel().tolist() == [224] * 3


def fits() -> bytes:
    cards = {"SIMPLE": "T", "BITPIX": "16", "NAXIS": "2", "NAXIS1": "2", "NAXIS2": "2"}
    header = "".join(f"{key:8}= {value:>20}".ljust(80) for key, value in cards.items()) + "END".ljust(80)
    return header.ljust(2880).encode() + bytes(2880)


def frames(saver: str) -> bytes:
    first, *more = (Image.fromarray(np.full((2, 2), value, np.uint8)) for value in (0, 100, 200))
    return saved(first, saver, save_all=True, append_images=more)


DOUBTFUL = {
    "float.tif": (tiff(np.ones(4, "<f4").tobytes(), (2, 2), [32], sample_format=3), "floating-point numbers"),
    "float.pfm": (b"Pf\n2 2\n-1.0\n" + np.ones(4, "<f4").tobytes(), "floating-point numbers"),
    "long.tif": (tiff(np.ones(4, "<u4").tobytes(), (2, 2), [32]), "32-bit numbers"),
    "signed16.tif": (tiff(np.ones(4, "<i2").tobytes(), (2, 2), [16], sample_format=2), "signed numbers"),
    "signed8.tif": (tiff(np.ones(4, "i1").tobytes(), (2, 2), [8], sample_format=2), "signed numbers"),
    "grey.fits": (fits(), "16-bit numbers"),
    "moving.gif": (frames("GIF"), "holds 3 images"),
    "moving.png": (frames("PNG"), "holds 3 images"),
    "stack.tif": (frames("TIFF"), "holds 3 images"),
    "colour.png": (png(np.zeros((1, 1, 3)), 16, chunk(b"tRNS", bytes(6))), "names a transparent colour"),
}


@pytest.mark.parametrize("name", DOUBTFUL)
def test_what_has_no_certain_meaning_is_refused_by_its_name(name):
    content, says = DOUBTFUL[name]
    with pytest.raises(UnfitError, match=f"{name} .*{says}"):
        reading(content, name)


def test_the_first_picture_of_a_photograph_with_previews_is_the_picture():
    first, preview = (Image.fromarray(np.full((8, 8, 3), value, np.uint8)) for value in (200, 10))
    assert reading(saved(first, "MPO", save_all=True, append_images=[preview])).min() > 190


BROKEN = {
    "empty": (b"", "is empty"),
    "text": (b"no image at all", "is in no format that can be read here"),
    "a bad header": (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"\0"), "cannot be read"),
    "a bad chunk": (png(np.zeros((2, 2)), 8)[:-20] + b"X" * 20, "cannot be read"),
    "no pixels": (b"P5 0 0 255\n", "cannot be read|has no pixels|is in no format"),
    "a bomb": (b"P5 30000 30000 255\n", "cannot be read: .*decompression bomb"),
    "a stub": (b"\x89HDF\r\n\x1a\n", "cannot be read"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_image_is_named_in_one_line(name):
    content, says = BROKEN[name]
    with pytest.raises(UnfitError, match=f"^[^\n]*image ({says})[^\n]*$"):
        reading(content)


WHOLE = [
    saved(Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)), saver)
    for saver in ("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP", "PPM", "TGA", "ICO", "SGI", "PCX", "DDS")
] + [frames("GIF"), png(np.ones((3, 3)), 16), tiff(bytes(8), (2, 2), [16])]


@settings(max_examples=150)
@given(whole=st.sampled_from(WHOLE), data=st.data())
def test_no_damage_raises_anything_but_one_line_with_the_name(whole, data):
    start = data.draw(st.integers(0, min(len(whole), 80)) | st.integers(0, len(whole)))
    put = data.draw(st.binary(max_size=4))
    damaged = whole[:start] + put + (b"" if data.draw(st.booleans()) else whole[start + len(put) :])
    try:
        said, shape = "torn.png", reading(damaged, "torn.png").shape
    except UnfitError as error:
        said, shape = str(error), (1, 1, 3)
    assert "torn.png" in said
    assert len(said.splitlines()) == 1
    assert shape[2:] == (3,)
