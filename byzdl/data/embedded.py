"""Small tables that come with scikit-learn: real data without a download."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from byzdl.data.arrays import Arrays
from byzdl.data.dataset import Dataset
from byzdl.data.features import every_fifth, standardised


class Embedded(Dataset):
    """Loads a table of scikit-learn, with standardised columns: the base class of those below.

    Every fifth sample of a class is a test sample; of a regression, every fifth row.
    """

    loader: ClassVar[str]
    classes: ClassVar[int | None]
    rows: ClassVar[int]

    @property
    def train_size(self) -> int:
        return self.rows

    def signature(self) -> Mapping[str, Any]:
        return {}

    def decode(self) -> Arrays:
        from sklearn import datasets

        features, targets = getattr(datasets, self.loader)(return_X_y=True)
        targets = targets.astype(np.int64 if self.classes else np.float32)
        test = every_fifth(targets if self.classes else np.zeros(len(targets)))
        train_inputs, test_inputs = standardised(features[~test], features[test])
        return Arrays(train_inputs, targets[~test], test_inputs, targets[test], self.classes)


class BreastCancer(Embedded):
    """Loads the breast cancer table of scikit-learn: 569 tumours, 30 features, malignant (0) or benign (1).

    **Source:** W. Street et al., Breast Cancer Wisconsin (Diagnostic) (UCI, 1995).
    """

    loader = "load_breast_cancer"
    classes = 2
    rows = 454


class Wine(Embedded):
    """Loads the wine table of scikit-learn: 178 wines, 13 features, 3 growers.

    **Source:** S. Aeberhard and M. Forina, Wine (UCI, 1992).
    """

    loader = "load_wine"
    classes = 3
    rows = 141


class Diabetes(Embedded):
    """Loads the diabetes table of scikit-learn: 442 patients, 10 features, and the progression after a year, 25 to 346.

    It is a regression: `task=regression`.

    **Source:** B. Efron et al., *Least angle regression* (Annals of Statistics, 2004).
    """

    loader = "load_diabetes"
    classes = None
    rows = 353
