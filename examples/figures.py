"""`python examples/figures.py`: puts small copies of the studies' figures beside them."""

from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
WIDTH = 800  # pixels


def main(outputs: Path = Path("outputs") / "examples") -> None:
    for study in sorted(HERE.glob("*.yaml")):
        drawn = outputs / study.stem / "figures"
        figure = next((file for name in ("accuracy", "r2") if (file := drawn / f"{name}.png").exists()), None)
        if figure is None:
            continue
        with Image.open(figure) as image:
            small = image.convert("RGB").resize(
                (WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS
            )
        small.quantize(32, dither=Image.Dither.NONE).save(study.with_suffix(".png"), optimize=True)


if __name__ == "__main__":
    main()
