"""Tables of one's own: each column counts as what it is, or one line names it and the key to use."""

import datetime
import sys

import numpy as np
import pandas as pd
import pytest
import torch

import byzdl
from byzdl.config.compose import compose
from byzdl.config.content import sources
from byzdl.config.identity import run_name
from byzdl.config.types import ConfigError
from byzdl.data import Table, load
from byzdl.data.columns import MAX_CATEGORIES
from byzdl.data.features import random_share

TRAIN = "age,sex,town,ill\n20,f,A,no\n40,m,B,yes\n30,f,A,no\n30,m,C,no\n"
TEST = "ill,town,sex,age\nyes,B,m,50\nno,D,f,10\n"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(train=TRAIN, test=TEST):
    with open("my.csv", "w", encoding="utf-8", newline="") as file:
        file.write(train)
    with open("test.csv", "w", encoding="utf-8", newline="") as file:
        file.write(test)


def opened(train=TRAIN, test=None, **keys):
    """Without a table to test with, it is the one to train on."""
    written(train, test or (TEST if train == TRAIN else train))
    given = {"test_path": "test.csv", "target": "ill", **keys}
    return load(Table(path="my.csv", cache="cache", **given))


def said(*arguments, **keys):
    with pytest.raises(ConfigError) as raised:
        opened(*arguments, **keys)
    message = str(raised.value)
    assert "\n" not in message
    return message


def inputs(split):
    return split.batch(torch.arange(len(split)))[0].double().round(decimals=4).tolist()


# The mean of 20, 40, 30 and 30 is 30, and their variance 50.
FIRST = [[-1.4142], [1.4142], [0.0], [0.0]]


def test_columns_by_hand():
    data = opened()
    sexes, towns = [[1, 0], [0, 1], [1, 0], [0, 1]], [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert inputs(data.train) == [age + sex + town for age, sex, town in zip(FIRST, sexes, towns, strict=True)]
    # Columns go by name. The training part has no town D.
    assert inputs(data.test) == [[2.8284, 0, 1, 0, 1, 0], [-2.8284, 1, 0, 0, 0, 0]]
    assert (data.train.targets.tolist(), data.test.targets.tolist()) == ([0, 1, 0, 0], [1, 0])
    assert (data.classes, data.sample.shape, data.groups) == (2, (6,), None)


def test_features_are_those_of_scikit_learn():
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(5, 3, 80), "b": rng.choice(list("xyz"), 80), "c": rng.random(80) < 0.3})
    table["y"] = rng.integers(0, 3, 80)
    table.to_csv("my.csv", index=False)
    data = load(Table(path="my.csv", target="y", test_share=0.25, cache="cache"))
    test = random_share(80, 0.25)
    columns = make_column_transformer((StandardScaler(), ["a"]), (OneHotEncoder(), ["b", "c"]), sparse_threshold=0)
    torch.testing.assert_close(data.train.inputs, torch.tensor(columns.fit_transform(table[~test])).float())
    torch.testing.assert_close(data.test.inputs, torch.tensor(columns.transform(table[test])).float())
    assert data.train.targets.tolist() == table["y"][~test].tolist()


def test_truth_values_are_categories():
    data = opened("a,ill\nTrue,1\nFalse,0\nTrue,0\n", "a,ill\nTrue,1\n")
    assert inputs(data.train) == [[0, 1], [1, 0], [0, 1]]


def test_columns_are_left_out_and_one_names_users():
    data = opened(drop=["age"], groups="town")
    assert data.sample.shape == (2,)
    assert data.groups.tolist() == [0, 1, 0, 2]
    numbers = opened("user,age,ill\n10,1,0\n9,2,1\n10,3,0\n", "age,ill\n1,0\n", groups="user")
    assert numbers.groups.tolist() == [1, 0, 1]


def test_columns_may_be_named_by_numbers():
    data = opened("0,1,2\n1,5,0\n2,6,1\n", "0,1,2\n1,5,0\n", target=2, drop=[1])
    assert inputs(data.train) == [[-1], [1]]


@pytest.mark.parametrize("targets", ["1,3,3,5", "1.0,3.0,3.0,5.0"])
def test_a_regression_has_real_targets(targets):
    rows = [f"{i},{target}\n" for i, target in enumerate(targets.split(","))]
    data = opened("".join(["a,ill\n", *rows]), "a,ill\n1,3\n", task="regression")
    assert data.train.targets.tolist() == pytest.approx([-(2**0.5), 0, 0, 2**0.5])


@pytest.mark.parametrize("cell", ["", "NA", "?", " ?"])
def test_missing_values_are_imputed_if_told_so(cell):
    train = f"age,sex,ill\n20,f,no\n40,m,yes\n{cell},f,no\n30,{cell},no\n30,m,no\n"
    data = opened(train, f"age,sex,ill\n{cell},{cell},no\n", missing="impute")
    # The mean of those that are known. A missing sex is the third one.
    sexes = [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]]
    # With the mean, 30, in the place of the missing age: the variance is 200 / 5.
    ages = [-1.5811, 1.5811, 0, 0, 0]
    assert inputs(data.train) == [[age, *sex] for age, sex in zip(ages, sexes, strict=True)]
    assert inputs(data.test) == [[0, 0, 0, 1]]


def test_a_category_that_is_missing_in_the_test_part_alone_is_none_of_those_known():
    assert inputs(opened(TRAIN, "ill,town,sex,age\nyes,,m,50\n", missing="impute").test) == [[2.8284, 0, 1, 0, 0, 0]]


def test_a_text_may_have_other_separators_and_quotes():
    data = opened('"age";"to;wn";ill\n1;"a;b";0\n2;c;1\n', '"age";"to;wn";ill\n1;c;0\n', separator=";", groups="to;wn")
    assert data.groups.tolist() == [0, 1]
    pd.DataFrame({"a": [1, 2], "y": ["p", "q"]}).to_csv("my.tsv", sep="\t", index=False)
    assert load(Table(path="my.tsv", target="y", test_path="my.tsv", cache="cache")).train.targets.tolist() == [0, 1]


@pytest.mark.parametrize("begin", ["", "\ufeff", "\n\n"])
def test_the_first_line_has_the_names(begin):
    assert opened(begin + TRAIN).sample.shape == (6,)


# What is refused

DROP = "dataset.drop is [], but must be a list with "
TARGET = "dataset.target is 'ill', but must be a column "
TABLE = "dataset.path is 'my.csv', but must be a table in a .csv, .tsv or .parquet file ("
MANY = "".join(["name,ill\n", *(f"n{i},{i % 2}\n" for i in range(MAX_CATEGORIES + 1))])

REFUSED = {
    f"{DROP}'day', a column of dates in my.csv": ("day,ill\n2024-01-31,0\n2024-02-01 12:00,1\n",),
    f"{DROP}'dates', a column of dates in my.csv": ("dates,ill\n31/1/2024,0\n1.2.2024,1\n",),
    f"{DROP}'name', a column of 101 different texts, above the 100 of categories, in my.csv": (MANY,),
    f"{DROP}'Unnamed: 0', a column without a name in my.csv": (",a,ill\n0,5,0\n1,6,1\n",),
    f"{DROP}'a', which is infinite in row 2 in my.csv": ("a,ill\n1,0\ninf,1\n",),
    f"{DROP}'a', a column of numbers that are too large in my.csv": ("a,ill\n-1e308,0\n1e308,1\n",),
    "dataset.missing is 'refuse', but must be impute, or dataset.drop must hold 'age', which is missing in 2 of 3 rows of "
    "my.csv, first in row 2": ("age,ill\n1,0\n,1\nNA,1\n",),
    "dataset.missing is 'refuse', but must be impute, or dataset.drop must hold 'sex', which is missing in 1 of 2 rows of "
    "test.csv, first in row 1": (TRAIN, TEST.replace("B,m", "B,")),
    f"{TARGET}without missing values; row 2 of my.csv has none": ("age,ill\n1,0\n1,\n",),
    f"{TARGET}with something to learn in my.csv (all training samples have the label 0; there must be two or more)": ("age,ill\n1,0\n2,0\n",),
    f"{TARGET}with something to learn in my.csv (no training sample has these labels of the test part: 'maybe')": (
        TRAIN,
        TEST.replace("yes", "maybe"),
    ),
    f"{TARGET}of whole numbers or texts; in my.csv it holds dates": ("a,ill\n1,2024-01-31\n2,2024-01-30\n",),
    f"{TABLE}my.csv has two columns 'age')": ("age,sex,age,ill\n1,f,2,0\n2,m,3,1\n",),
    f"{TABLE}my.csv has no rows)": ("age,ill\n",),
    f"{TABLE}my.csv cannot be read: No columns to parse from file)": ("",),
    f"{TABLE}my.csv cannot be read: Length of header or names does not match length of data.": ("age,ill\n1,2,0\n2,3,1\n",),
    f"{TABLE}my.csv cannot be read: Error tokenizing data. C error: Expected 2 fields in line 3, saw 3)": ("age,ill\n1,0\n2,3,1\n",),
    "dataset.separator is None, but must be what stands between two columns; my.csv has the single column 'age;ill'": ("age;ill\n1;0\n",),
    "dataset.test_path is 'test.csv', but must be a table with the columns of my.csv; 'town' is missing": (TRAIN, "age,sex,ill\n1,f,no\n"),
    "dataset.test_path is 'test.csv', but must be a table as my.csv: 'age' holds categories here, and numbers there": (
        TRAIN,
        TEST.replace("50", "old"),
    ),
    "dataset.test_path is 'test.csv', but must be a table in a .csv, .tsv or .parquet file (test.csv has no rows)": (TRAIN, "age,ill\n"),
}  # fmt: skip


@pytest.mark.parametrize("says", REFUSED)
def test_a_column_that_cannot_count_is_named_with_its_file_and_a_key(says):
    found = said(*REFUSED[says])
    assert found == says or ("Length of header" in says and found.startswith(says))


OF_KEYS = {
    "dataset.target is None, but must be a column of my.csv: age, sex, town, ill": {"target": None},
    "dataset.target is 'Ill', but must be a column of my.csv: age, sex, town, ill (did you mean ill?)": {"target": "Ill"},
    "dataset.drop is 'name', but must be a column of my.csv: age, sex, town, ill (did you mean age?)": {"drop": ["name"]},
    "dataset.groups is 'user', but must be a column of my.csv: age, sex, town, ill (did you mean sex?)": {"groups": "user"},
    "dataset.groups is 'ill', but must be another column than the target": {"groups": "ill"},
    "dataset.drop is ['ill'], but must be without 'ill', as it is the target or the column of users": {"drop": ["ill"]},
    "dataset.drop is ['age', 'sex', 'town'], but must be shorter, as no column of my.csv is left to learn from": {
        "drop": ["age", "sex", "town"]
    },
    "dataset.task is 'classification', but must be regression (task=regression), as 'age' in my.csv holds numbers with a point; "
    "labels are whole numbers or texts": {"target": "age", "train": TRAIN.replace("20", "20.5")},
    "dataset.target is 'ill', but must be a column of numbers, as task=regression; in my.csv it holds categories": {
        "task": "regression"
    },
    "dataset.target is 'age', but must be a column with something to learn in my.csv (all training samples have the target 30; "
    "there must be different ones)": {"target": "age", "task": "regression", "train": TRAIN.replace("20", "30").replace("40", "30")},
    "dataset.groups is 'town', but must be a column that names users; it is missing in row 2 of my.csv": {
        "groups": "town",
        "train": TRAIN.replace("B", ""),
        "missing": "impute",
    },
    "dataset.drop is [], but must be a list with 'age', a column without a value to train on in my.csv": {
        "missing": "impute",
        "train": "age,sex,town,ill\n,f,A,no\n,m,B,yes\n",
    },
    "dataset.test_share is None, but must be a number between 0 and 1, the share of my.csv to test with, beside no "
    "dataset.test_path": {"test_path": None},
    "dataset.test_share is 0.5, but must be null, as test.csv is to test with": {"test_share": 0.5},
    "dataset.test_path is 'nowhere.csv', but must be the path of your data; nothing is there": {"test_path": "nowhere.csv"},
}  # fmt: skip


@pytest.mark.parametrize("says", OF_KEYS)
def test_a_key_to_change_is_named(says):
    assert said(**OF_KEYS[says]) == says


def test_files_of_other_kinds_are_refused(tmp_path):
    def of(path):
        with pytest.raises(ConfigError) as raised:
            load(Table(path=path, cache="cache", target="a", test_share=0.5))
        return str(raised.value)

    (tmp_path / "my.xlsx").write_text("")
    (tmp_path / "my.csv").write_bytes(b"a,b\n\xff,1\n")
    (tmp_path / "folder.csv").mkdir()
    assert "(my.xlsx is of another kind)" in of("my.xlsx")
    assert "(folder.csv is of another kind)" in of("folder.csv")
    assert "(my.csv cannot be read: 'utf-8' codec can't decode byte 0xff in position 4" in of("my.csv")


# Parquet


def test_parquet_without_pyarrow_is_refused_with_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "my.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError) as raised:
        load(Table(path="my.parquet", target="ill", test_share=0.5, cache="cache"))
    assert str(raised.value) == (
        "dataset.path is 'my.parquet', but must be a table in a .csv, .tsv or .parquet file (Parquet files need the package "
        "pyarrow; pip install 'byzdl[parquet]')"
    )


def of_parquet(table, **keys):
    table.to_parquet("my.parquet")
    return load(Table(path="my.parquet", **{"target": "ill", "test_path": "my.parquet", "cache": "cache", **keys}))


def test_parquet_is_read_as_the_same_csv():
    pytest.importorskip("pyarrow")
    written()
    table = pd.read_csv("my.csv")
    assert of_parquet(table).fingerprint == opened(test=TRAIN).fingerprint
    table["sex"], table["town"] = table["sex"].astype("category"), table["town"].astype("string")
    table["age"] = table["age"].astype("Int64")
    assert of_parquet(table).fingerprint == opened(test=TRAIN).fingerprint
    # The index is a column, if it has a name.
    assert of_parquet(table.set_index("town"), groups="town").groups.tolist() == [0, 1, 0, 2]
    assert of_parquet(table.iloc[[3, 0, 1]]).train.targets.tolist() == [0, 0, 1]


def test_nullable_types_of_parquet_are_missing_where_they_are():
    pytest.importorskip("pyarrow")
    table = pd.DataFrame(
        {"a": pd.array([1, None, 3], "Int64"), "b": pd.array([True, None, False], "boolean"), "ill": [0, 1, 0]}
    )
    with pytest.raises(
        ConfigError, match=r"dataset\.drop must hold 'a', which is missing in 1 of 3 rows of my\.parquet"
    ):
        of_parquet(table)
    # The mean of 1 and 3 is 2.
    assert inputs(of_parquet(table, missing="impute").train) == [[-1.2247, 0, 1, 0], [0, 0, 0, 1], [1.2247, 1, 0, 0]]


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        ([datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 2)], "dates"),
        ([datetime.date(2024, 1, 1), None], "dates"),
        ([datetime.timedelta(1), datetime.timedelta(2)], "dates"),
        ([[1], [2, 3]], "objects"),
        ([{"a": 1}, {"a": 2}], "objects"),
        ([b"a", b"b"], "objects"),
    ],
)
def test_what_parquet_holds_beside_numbers_and_texts_is_refused(values, holds):
    pytest.importorskip("pyarrow")
    with pytest.raises(ConfigError) as raised:
        of_parquet(pd.DataFrame({"a": values, "ill": [0, 1]}))
    assert str(raised.value) == f"{DROP}'a', a column of {holds} in my.parquet"


# Whole runs


def test_a_run_takes_both_files_by_content():
    written()
    keys = ["dataset=table", "dataset.path=my.csv", "dataset.target=ill", "dataset.test_path=test.csv"]
    keys += ["model=linear", "rounds=2", "batch_size=2", "topology=complete", "topology.n=2", "attack.br=0"]
    run = byzdl.run(*keys, progress=False, folder="outputs")
    config = compose(*keys)
    assert [*sources(config).values()] == [config["dataset"]["checksum"], config["dataset"]["test_checksum"]]
    dataset = Table(name="table", path="my.csv", target="ill", test_path="test.csv")
    others = [key for key in keys if not key.startswith("dataset")]
    assert byzdl.run(*others, dataset=dataset, progress=False, folder="outputs").folder == run.folder
    written(test=TEST.replace("50", "60"))
    assert run_name(compose(*keys)) != run_name(config)
    with pytest.raises(
        ConfigError, match=r"^dataset\.test_checksum is '\w+', but must be '\w+', the checksum of test\.csv"
    ):
        load(dataset)
