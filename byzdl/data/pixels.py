"""One image file as RGB pixels of 8 bits a channel, or the reason why it has none."""

import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

Background = Literal["black", "white"]

# Formats of one picture, with previews or layers beside it. They open on the picture.
ONE_PICTURE = {"MPO", "PSD"}

# Formats whose grey values of more than 8 bits span 0 to 65535 once Pillow has read them.
FULL_RANGE = {"JPEG2000", "PNG", "PPM"}

# Tags of EXIF and TIFF.
BITS, PHOTOMETRIC, ORIENTATION, SAMPLE_FORMAT = 258, 262, 274, 339

ADVICE = "save it with 8 or 16 bits a channel, for example as PNG"

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class UnfitError(Exception):
    """A file or folder that cannot be used. The message names it and says why."""


class NoImageError(UnfitError):
    """A file in no format that Pillow reads."""


class TransparentError(UnfitError):
    """An image with transparent pixels, and no background to show behind them."""


def read(file: Path, background: Background | None = None) -> Image.Image:
    """Reads an image file in mode RGB.

    - `background`: the colour behind transparent pixels

    **Raises:** `UnfitError` for a file that cannot be read, or whose pixels have no certain meaning as RGB.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     Image.fromarray(np.array([[0, 32768, 65535]], dtype=np.uint16)).save(Path(folder) / "grey.png")
    ...     np.asarray(read(Path(folder) / "grey.png"))[0, :, 0].tolist()
    [0, 128, 255]
    """
    name = shown(file)
    try:
        # Pillow warns of odd metadata, and of images above a size that it still reads. Neither changes a pixel.
        # From a name in place of a stream, it maps TIFFs, and tears those that are to be turned upright.
        with warnings.catch_warnings(action="ignore"), open(file, "rb") as stream, Image.open(stream) as image:
            return rgb(image, name, background)
    except UnfitError:
        raise
    except UnidentifiedImageError:
        if file.stat().st_size == 0:
            raise UnfitError(f"{name} is empty") from None
        raise NoImageError(f"{name} is in no format that can be read here") from None
    except Exception as error:  # Damaged files make Pillow raise errors of every kind.
        why = " ".join(str(error).split()) or type(error).__name__
        raise UnfitError(f"{name} cannot be read: {why}") from error


def shown(path: Path) -> str:
    """A path as one printable line: file names may hold line breaks, and bytes that are no text."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(path))


def rgb(image: Any, name: str, background: Background | None = None) -> Image.Image:
    """Returns an opened image in mode RGB, as `read` does.

    - `name`: what messages call it

    >>> rgb(Image.new("L", (1, 1), 7), "my image").getpixel((0, 0))
    (7, 7, 7)
    """
    if getattr(image, "is_animated", False) and image.format not in ONE_PICTURE:
        raise UnfitError(f"{name} holds {image.n_frames} images; save each in a file of its own")
    _refuse_doubtful(image, name)
    image.load()
    if 0 in image.size:
        raise UnfitError(f"{name} has no pixels")
    if image.mode == "F" or image.mode.startswith("I"):
        flat, opaque = _levels(image, name).convert("RGB"), _opaque(image)
    elif image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        flat, opaque = with_alpha.convert("RGB"), with_alpha.getchannel("A")
    else:
        flat, opaque = image.convert("RGB"), None
    if opaque is not None and np.asarray(opaque).min() < 255:
        if background is None:
            raise TransparentError(f"{name} has transparent pixels")
        flat = Image.composite(flat, Image.new("RGB", flat.size, background), opaque)
    turn = _turn(image)
    return flat if turn is None else flat.transpose(turn)


def _refuse_doubtful(image: Any, name: str) -> None:
    """Refuses what Pillow reads without an error, but not as it is meant."""
    if image.format == "TIFF" and image.mode != "F" and set(image.tag_v2.get(SAMPLE_FORMAT, (1,))) - {1, 4}:
        raise UnfitError(f"{name} holds signed numbers; {ADVICE}")
    tile = getattr(image, "tile", None)  # An image that was turned has none.
    unscaled = tile and ";" in str(tile[0][3])
    if image.format == "PNG" and image.mode in ("L", "RGB") and "transparency" in image.info and unscaled:
        raise UnfitError(f"{name} names a transparent colour, in other than 8 bits a channel; {ADVICE}")


def _levels(image: Any, name: str) -> Image.Image:
    """Grey values of more than 8 bits, scaled to 0 .. 255 by the range that their format gives them."""
    tags = image.tag_v2 if image.format == "TIFF" else {}
    if image.mode.startswith("I;16") and BITS in tags:
        top = 2 ** tags[BITS][0] - 1
    elif image.mode.startswith("I") and image.format in FULL_RANGE:
        top = 65535
    else:
        kind = {"F": "floating-point", "I": "32-bit"}.get(image.mode, "16-bit")
        raise UnfitError(f"{name} holds {kind} numbers, and does not tell their range; {ADVICE}")
    levels = ((np.asarray(image).astype(np.int64) * 255 + top // 2) // top).astype(np.uint8)
    return Image.fromarray(255 - levels if tags.get(PHOTOMETRIC) == 0 else levels)


def _opaque(image: Any) -> Image.Image | None:
    """The mask of a grey image that names one value as transparent."""
    if (value := image.info.get("transparency")) is None:
        return None
    return Image.fromarray(np.where(np.asarray(image) == value, 0, 255).astype(np.uint8))


def _turn(image: Any) -> Image.Transpose | None:
    """The turn that a camera notes in EXIF instead of turning the pixels."""
    try:
        return UPRIGHT.get(image.getexif().get(ORIENTATION))
    except Exception:  # EXIF is often damaged where the pixels are not.
        return None
