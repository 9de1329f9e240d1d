"""byzdl's sweeper and launcher, where Hydra finds them: in the namespace package `hydra_plugins` alone."""

from byzdl.sweeping import launcher, sweeper


class Sweeper(sweeper.Sweeper):
    __doc__ = sweeper.Sweeper.__doc__


class LocalLauncher(launcher.LocalLauncher):
    __doc__ = launcher.LocalLauncher.__doc__
