"""A network of the user's own, from a function that makes it."""

import importlib
import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from torch import nn

from byzdl.config.types import ConfigError, takes
from byzdl.models.base import Model
from byzdl.samples import Kind, Sample

NAMED = re.compile(r"\w+(\.\w+)*:\w+(\.\w+)*")


class OwnModule(Model):
    """Builds what a function or class of your own returns: any torch module, without a class of byzdl's.

    It is called with `args`. If it has parameters of these names, it also gets `sample`, the form of a sample
    (`byzdl.samples.Sample`), and `outputs`, the number of classes, or 1 for a regression.

    - `target`: the function or class, as `mypackage.networks:make`
    - `args`: its arguments by name; null for none

    The function's code is a part of the run's identity, as are functions and files that `args` names. Those of installed
    packages count by name alone.

    >>> module = OwnModule(target="torch.nn:Linear", args={"in_features": 3, "out_features": 2})
    >>> module.build(Sample((3,), "features"), outputs=2)
    Linear(in_features=3, out_features=2, bias=True)
    """

    reads: ClassVar[tuple[Kind, ...]] = ("image", "features", "tokens")

    target: Annotated[
        str | None, takes("a function or class, as mypackage.networks:make", lambda v: v is None or NAMED.fullmatch(v))
    ] = None
    args: Annotated[dict[str, Any] | None, takes("null, or arguments by name, as {width: 64}")] = None

    def build(self, sample: Sample, outputs: int) -> nn.Module:
        make = self._function()
        known = {"sample": sample, "outputs": outputs}
        wanted = {name: value for name, value in known.items() if name in _parameters(make)}
        try:
            module = make(**{**wanted, **(self.args or {})})
        except ConfigError:
            raise
        except Exception as error:
            raise self._refused(f"a function that makes a network ({_in_one_line(error)})") from error
        if not isinstance(module, nn.Module):
            raise self._refused(f"a function that returns a torch.nn.Module; it returns a {type(module).__name__}")
        return module

    def _function(self) -> Callable[..., Any]:
        if self.target is None:
            raise self._refused("the function or class that makes your network, as mypackage.networks:make")
        module, _, name = self.target.partition(":")
        if module == "__main__":
            raise self._refused("a function of a file that can be imported, as other processes import it, too")
        try:
            found: Any = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except Exception as error:  # The user's file may raise anything.
            raise self._refused(f"a function that can be imported ({_in_one_line(error)})") from error
        if not callable(found):
            raise self._refused(f"a function or class; it is a {type(found).__name__}")
        return found  # type: ignore[no-any-return]

    def _refused(self, takes: str) -> ConfigError:
        return ConfigError.of("model.target", self.target, takes)


def _parameters(make: Callable[..., Any]) -> frozenset[str]:
    try:
        return frozenset(inspect.signature(make).parameters)
    except ValueError:  # a function that is written in C
        return frozenset()


def _in_one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
