"""What the table of a compression says of a model is what a report says of it."""

import numpy as np
import pytest

from shuyuan.maas.compression import examples
from shuyuan.maas.evaluation.work import classes
from shuyuan.maas.evaluation.work.predicted import Predicted


@pytest.mark.parametrize("labels", [("no", "yes"), ("a", "b", "c", "d")])
def test_a_figure_in_the_table_is_the_figure_of_the_report(labels: tuple[str, ...]) -> None:
    rng = np.random.default_rng(4)
    truth, logits = rng.integers(0, min(len(labels), 3), 90), rng.normal(size=(90, len(labels)))  # nothing is a "d"
    table = examples.quality(logits, logits, truth, len(labels))
    p = examples.shares(logits)
    said = Predicted(np.arange(90), [labels[n] for n in truth], [labels[n] for n in p.argmax(1)], labels, p)
    report = classes.measure(said, 0).figures
    both = {"accuracy", "macro_f1", "log_loss", "calibration_error"}
    assert both <= table.keys()
    assert {name: report[name] for name in both} == pytest.approx({name: table[name] for name in both})
