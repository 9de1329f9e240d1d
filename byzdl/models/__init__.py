"""Networks. Each is a choice that builds a torch module; its parameters become one flat vector."""

from byzdl.models.base import Model, initialised
from byzdl.models.cnn import Cnn, PooledConvolution
from byzdl.models.cnn1d import Cnn1d
from byzdl.models.dense import Linear, Mlp
from byzdl.models.embedding import Embedding
from byzdl.models.module import OwnModule
from byzdl.models.resnet import ResNet
from byzdl.models.transformer import Transformer
from byzdl.models.vision import TorchvisionModel

__all__ = [
    "Cnn",
    "Cnn1d",
    "Embedding",
    "Linear",
    "Mlp",
    "Model",
    "OwnModule",
    "PooledConvolution",
    "ResNet",
    "TorchvisionModel",
    "Transformer",
    "initialised",
]
