"""What the tracer would have said before each answer of a table, every learner starting cold."""

from shuyuan.science.tracing import logistic
from shuyuan.science.tracing.interactions import Floats, Interactions
from shuyuan.science.tracing.online import filtering
from shuyuan.science.tracing.online.layout import Layout
from shuyuan.science.tracing.online.params import Params


def replay(params: Params, table: Interactions) -> Floats:
    """(N,) P(right) before each answer, in the table's order; states move as they would when served."""
    return logistic.expit(filtering.run(table, params, Layout.of(params, table)).logit)
