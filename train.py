"""Hydra's door: a configuration in, a run (or with -m, a sweep of runs) out."""

import hydra
from omegaconf import DictConfig

from byzdl.commands.cli import door, run


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def train(config: DictConfig) -> None:
    run(config)


if __name__ == "__main__":
    with door():
        train()
