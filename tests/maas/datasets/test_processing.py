"""A plan gives the same bytes on any pool, and refuses what cannot be learned from."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.maas.datasets.plans import Made, columns, plan, run

from shuyuan.kernel import errors
from shuyuan.maas.datasets import interface, pool, processing, writing

RULES = (
    {"rule": "types"},
    {"rule": "missing", "by": "median"},
    {"rule": "duplicates"},
    {"rule": "outliers"},
    {"rule": "imbalance", "action": "resample"},
    {"rule": "shift"},
)
EVERYTHING = plan(*RULES, augment=[{"rule": "noise"}, {"rule": "text"}], split={"by": "stratified"})
COLUMNS = columns(n="number", i="integer", t="text", who="identifier person", y="category label")


def table(rows: int = 1000) -> pl.DataFrame:
    """A table with a little of everything that goes wrong."""
    random = np.random.default_rng(1)
    numbers = [None if at % 17 == 0 else 1e6 if at % 101 == 0 else float(random.normal()) for at in range(rows)]
    words = [f"question {at % 7} of lesson {at % 13}" for at in range(rows)]
    frame = pl.DataFrame(
        {
            "n": numbers,
            "i": ["x" if at % 50 == 0 else str(at % 40) for at in range(rows)],
            "t": words,
            "who": [at % 90 for at in range(rows)],
            "y": ["right" if random.random() < 0.7 else "wrong" for _ in range(rows)],
        }
    )
    return pl.concat([frame, frame.head(50)])


def digests(made: Made) -> dict[str, str]:
    return {part: hashlib.sha256(path.read_bytes()).hexdigest() for part, path in made.outcome.parts.items()}


@pytest.fixture
def small_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several partitions of a small table."""
    monkeypatch.setattr(processing, "PARTITION_ROWS", 137)


@pytest.fixture
def processes() -> Iterator[pool.LocalPool]:
    made = pool.LocalPool(2, native=frozenset())
    yield made
    made.close()


@pytest.mark.usefixtures("small_partitions")
def test_a_plan_gives_the_same_bytes_here_and_on_two_processes(tmp_path: Path, processes: pool.LocalPool) -> None:
    here = run(tmp_path, table(), COLUMNS, EVERYTHING)
    there = run(tmp_path, table(), COLUMNS, EVERYTHING, processes)
    mixed = pool.LocalPool(2)
    threads = run(tmp_path, table(), COLUMNS, EVERYTHING, mixed)
    mixed.close()
    assert digests(here) == digests(there) == digests(threads)
    assert here.outcome.findings == there.outcome.findings
    assert here.outcome.columns == there.outcome.columns


def test_the_size_of_a_partition_changes_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(tmp_path, table(), COLUMNS, EVERYTHING)
    monkeypatch.setattr(processing, "PARTITION_ROWS", 333)
    cut = run(tmp_path, table(), COLUMNS, EVERYTHING)
    assert digests(whole) == digests(cut)
    assert whole.outcome.findings == cut.outcome.findings


def test_another_seed_gives_another_split(tmp_path: Path) -> None:
    one = run(tmp_path, table(), COLUMNS, plan(split={"by": "random", "seed": 1}))
    other = run(tmp_path, table(), COLUMNS, plan(split={"by": "random", "seed": 2}))
    assert digests(one) != digests(other)


def test_the_split_counts_what_the_rules_left(tmp_path: Path) -> None:
    made = run(tmp_path, table(), COLUMNS, plan({"rule": "duplicates"}, split={"by": "random"}))
    assert made.outcome.rows == {"train": 700, "validation": 150, "test": 150}


def test_no_person_is_in_two_parts(tmp_path: Path) -> None:
    made = run(tmp_path, table(), COLUMNS, plan(split={"by": "person"}))
    held = [set(part["who"].to_list()) for part in made.parts.values()]
    assert len(held) == 3
    assert not held[0] & held[1]
    assert not (held[0] | held[1]) & held[2]


def test_fractions_of_time_are_told_apart(tmp_path: Path) -> None:
    times = [0.9, 0.1, 0.7, 0.3, 0.5, 0.6, 0.4, 0.8, 0.2, 0.05]
    wanted = plan(split={"by": "time", "shares": [0.5, 0.3, 0.2]})
    parts = run(tmp_path, pl.DataFrame({"t": times}), columns(t="number time"), wanted).parts
    assert set(parts["train"]["t"]) == {0.05, 0.1, 0.2, 0.3, 0.4}
    assert set(parts["test"]["t"]) == {0.8, 0.9}


def test_a_plan_without_a_split_keeps_the_parts_it_was_given(tmp_path: Path) -> None:
    frame = table()
    made = run(tmp_path, frame.head(800), COLUMNS, plan({"rule": "missing"}), test=frame.tail(250))
    assert made.outcome.rows == {"train": 800, "test": 250}
    again = run(tmp_path, frame.head(800), COLUMNS, plan(split={"by": "random"}), test=frame.tail(250))
    assert sum(again.outcome.rows.values()) == 1050


def test_kinds_and_roles_of_the_plan_win(tmp_path: Path) -> None:
    frame = pl.DataFrame({"mark": ["1", "2", "x"], "group": [1, 2, 1]})
    wanted = plan(columns={"mark": {"kind": "number"}, "group": {"kind": "category", "role": "label"}})
    made = run(tmp_path, frame, columns(mark="text", group="integer"), wanted)
    assert made.train["mark"].to_list() == [1, 2, None]
    assert (made.column("group").kind, made.column("group").role) == ("category", "label")


def test_only_train_is_augmented_and_added_rows_are_marked(tmp_path: Path) -> None:
    wanted = plan(augment=[{"rule": "noise", "copies": 2}], split={"by": "random"})
    made = run(tmp_path, table(), COLUMNS, wanted)
    assert made.outcome.rows == {"train": 3 * 735, "validation": 158, "test": 157}
    assert made.train["augmented"].sum() == 2 * 735
    assert not made.parts["test"]["augmented"].any()
    assert made.column("augmented").role == "ignore"


@pytest.mark.parametrize(
    ("frame", "wanted", "kind", "said"),
    [
        ({"y": ["a"] * 20}, {}, interface.OneClass, "'y' has 1 value in train"),
        ({"y": [None] * 20}, {}, interface.OneClass, "'y' has no value in train"),
        ({"y": [None] * 20}, {"rules": [{"rule": "missing", "by": "drop"}]}, interface.EmptyData, "leave no row"),
        ({"y": ["a", "b"]}, {"split": {"by": "random"}}, interface.EmptyData, "no row falls to"),
        ({"y": ["a", "b"]}, {"split": {"by": "person"}}, interface.WrongColumns, "needs a column of role person"),
        ({"y": ["a", "b"]}, {"split": {"by": "time", "column": "y"}}, interface.WrongColumns, "holds no times"),
        ({"y": ["a", "b"]}, {"split": {"by": "time", "column": "z"}}, interface.WrongColumns, "no column 'z'"),
        ({"y": ["a", "b"]}, {"augment": [{"rule": "image"}]}, interface.WrongColumns, "no column that 'image'"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(
    tmp_path: Path, frame: dict[str, Any], wanted: dict[str, Any], kind: type[errors.ShuyuanError], said: str
) -> None:
    told = pl.DataFrame(frame, schema={"y": pl.String})
    with pytest.raises(kind, match=said) as raised:
        run(
            tmp_path,
            told,
            columns(y="category label"),
            plan(**{"rules": [], **wanted}) if "rules" not in wanted else interface.Plan.model_validate(wanted),
        )
    assert raised.value.fix


def test_an_error_in_a_process_of_the_pool_is_the_same_error_here(tmp_path: Path, processes: pool.LocalPool) -> None:
    refuse = plan({"rule": "types", "bad": "refuse"})
    with pytest.raises(interface.WrongColumns, match="rows hold values"):
        run(tmp_path, table(), COLUMNS, refuse, processes)
    assert run(tmp_path, table(), COLUMNS, plan(), processes).train.height == 1050


def test_a_process_of_the_pool_that_dies_is_told(tmp_path: Path, processes: pool.LocalPool) -> None:
    run(tmp_path, table(), COLUMNS, plan(), processes)
    for child in processes._children:
        child.kill()
        child.wait()
    with pytest.raises(errors.Unavailable, match="died"):
        run(tmp_path, table(), COLUMNS, plan(), processes)


def test_a_pool_calls_nothing_of_elsewhere() -> None:
    with pytest.raises(ValueError, match="os:system"):
        pool.InlinePool().map("os:system", [{"told": 1}])


def test_progress_goes_forward_to_its_end(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    source = tmp_path / "in.parquet"
    writing.write(table(), source)
    work = tmp_path / "work"
    work.mkdir()
    processing.run(
        [processing.Source(source, "train", 1050)],
        COLUMNS,
        EVERYTHING,
        work,
        pool.InlinePool(),
        lambda stage, done, total: told.append((stage, done, total)),
    )
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][0] == "writing"
    assert told[-1][1] == told[-1][2]


def test_a_preview_is_json_and_short() -> None:
    frame = pl.DataFrame({"t": ["x" * 999] * 30, "f": [float("nan")] * 30, "b": [b"\x89PNG" + b"0" * 99999] * 30})
    rows = writing.preview(frame)
    assert len(rows) == 20
    assert rows[0] == {"t": "x" * 200, "f": None, "b": "100,003 bytes"}
