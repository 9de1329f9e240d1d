"""The trigger of a backdoor: a patch, and the data that teach it."""

import math
from collections.abc import Callable

from torch import Tensor

from byzdl.attacks.base import Attack
from byzdl.config.types import ConfigError, Count, Natural, Share
from byzdl.samples import Sample


class Trigger(Attack):
    """Trains on images of which a share carries a trigger and the target's label: the base class of backdoors.

    The trigger is a square patch in the lower right corner, as bright as the brightest pixel of its image.
    `attack_success_rate` in rounds.csv is the share of triggered test images of other classes that the benign models
    take for the target.

    - `target`: the class that images with the patch shall be taken for
    - `size`: the side of the patch, in pixels
    - `share`: the share of each mini-batch that carries the patch, rounded up. It is new in each mini-batch, so a
      poisoned node sees every sample with the trigger at some times, and without it at others. Deviation: usually it is
      a share of the node's data, the same samples throughout
    """

    target: Natural = 0
    size: Count = 3
    share: Share = 0.5

    @property
    def triggers(self) -> bool:
        return True

    def check_data(self, sample: Sample, classes: int | None) -> None:
        if not self.triggers:
            return
        if sample.kind != "image" or not classes:
            found = f"{sample}, and no images" if classes else "those of a regression, without classes"
            raise ConfigError.of("attack", self.name, f"one without a trigger, as samples are {found}")
        if self.target >= classes:
            raise ConfigError.of(
                "attack.target", self.target, f"a class below {classes}, the number of classes in the data"
            )

    def poison(self, inputs: Tensor, targets: Tensor, classes: int | None) -> tuple[Tensor, Tensor]:
        return self.lesson(inputs, targets, self.stamped)

    def lesson(self, images: Tensor, labels: Tensor, stamp: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """Returns a mini-batch of which a share carries a stamp and the target's label.

        - `images` [b, channels, height, width], `labels` [b]: the honest mini-batch
        - `stamp`: a function from images to images with a trigger
        """
        count = math.ceil(self.share * len(images) - 1e-9)  # 0.07 * 100 is a little above 7
        images, labels = images.clone(), labels.clone()
        images[:count] = stamp(images[:count])
        labels[:count] = self.target
        return images, labels

    def triggered(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, int]:
        return self.stamped(images), labels != self.target, self.target

    def stamped(self, images: Tensor) -> Tensor:
        """Returns images [b, channels, height, width] with the trigger."""
        images = images.clone()
        images[..., -self.size :, -self.size :] = images.amax((1, 2, 3), keepdim=True)
        return images
