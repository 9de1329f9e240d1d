"""`python train.py ...`: one run, or with -m a sweep. The same as `byzdl run`."""

import sys

from byzdl.commands.door import door
from byzdl.commands.train import train

if __name__ == "__main__":
    with door():
        train(sys.argv)
