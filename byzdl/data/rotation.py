"""A split that gives nodes the same classes and different images."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from byzdl.config.types import ConfigError, takes
from byzdl.data.partition import Iid, View
from byzdl.random_streams import stream
from byzdl.samples import Sample


class Rotation(Iid):
    """Splits the data at random, and turns all images of a node by an angle of its own.

    This is a feature shift. A node's angle is drawn from `angles`. It applies to everything that the node computes on its own data: training,
    screening and validation.

    - `angles`: degrees, anticlockwise: 0, 90, 180 or 270; an angle that is listed twice is drawn twice as often
    - `test`: the images that accuracy is measured on. `upright`: the unchanged test images, the same for every node;
      `own`: the test images, turned by the node's own angle
    """

    angles: Annotated[
        list[int],
        takes("a list of one or more of 0, 90, 180 and 270", lambda v: v and set(v) <= {0, 90, 180, 270}),
    ] = Field(default=[0, 90, 180, 270])
    test: Literal["upright", "own"] = "upright"

    def check(self, sample: Sample) -> None:
        if sample.kind != "image":
            raise ConfigError.of("partition", self.name, f"another split, as samples are {sample}, and no images")
        _, height, width = sample.shape
        if height != width and {90, 270} & set(self.angles):
            takes = f"a list of 0 and 180, as images are not square ({height} x {width})"
            raise ConfigError.of("partition.angles", self.angles, takes)

    def angle(self, node: int, seed: int) -> int:
        """Returns the angle of a node's images, in degrees."""
        return self.angles[int(stream(seed, "rotation", node).integers(len(self.angles)))]

    def view(self, node: int, seed: int) -> View | None:
        angle = self.angle(node, seed)
        return Turned(angle // 90) if angle else None

    def test_view(self, node: int, seed: int) -> View | None:
        return self.view(node, seed) if self.test == "own" else None


@dataclass(frozen=True)
class Turned:
    """Turns images [..., height, width] anticlockwise by a number of quarters."""

    quarters: int

    def __call__(self, images: Tensor) -> Tensor:
        return torch.rot90(images, self.quarters, (-2, -1))
