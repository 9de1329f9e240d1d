"""Data sets, their cache on disk, and their split over the nodes."""

from byzdl.data.arrays import Arrays
from byzdl.data.arrays_file import ArraysFile
from byzdl.data.dataset import Data, Dataset, Split, load
from byzdl.data.digits import Digits
from byzdl.data.embedded import BreastCancer, Diabetes, Wine
from byzdl.data.huggingface import HuggingFace
from byzdl.data.image_folder import ImageFolder
from byzdl.data.label_skew import Dirichlet, LabelsPerNode, Shards, Similarity
from byzdl.data.natural import Natural
from byzdl.data.partition import Iid, Partition, divide, labels_for
from byzdl.data.quantity_skew import QuantitySkew
from byzdl.data.rotation import Rotation
from byzdl.data.synthetic import Synthetic
from byzdl.data.table import Table
from byzdl.data.text_file import TextFile
from byzdl.data.vision import TorchvisionByName, TorchvisionDataset

__all__ = [
    "Arrays",
    "ArraysFile",
    "BreastCancer",
    "Data",
    "Dataset",
    "Diabetes",
    "Digits",
    "Dirichlet",
    "HuggingFace",
    "Iid",
    "ImageFolder",
    "LabelsPerNode",
    "Natural",
    "Partition",
    "QuantitySkew",
    "Rotation",
    "Shards",
    "Similarity",
    "Split",
    "Synthetic",
    "Table",
    "TextFile",
    "TorchvisionByName",
    "TorchvisionDataset",
    "Wine",
    "divide",
    "labels_for",
    "load",
]
