"""Random expressions for property tests."""

from fractions import Fraction

from hypothesis import strategies as st

from shuyuan.learning.courses.grading import grammar

NAMES = ("x", "y")


def numbers() -> st.SearchStrategy[grammar.Node]:
    whole = st.integers(0, 12).map(Fraction)
    decimals = st.sampled_from(["0.5", "1.25", "0.1"]).map(Fraction)
    return st.one_of(whole, decimals).map(grammar.Num)


def leaves() -> st.SearchStrategy[grammar.Node]:
    return st.one_of(numbers(), st.sampled_from([*NAMES, "pi"]).map(grammar.Name))


def trees() -> st.SearchStrategy[grammar.Node]:
    """Any tree of the grammar, small enough to stay under its bounds."""

    def larger(inner: st.SearchStrategy[grammar.Node]) -> st.SearchStrategy[grammar.Node]:
        return st.one_of(
            st.builds(grammar.Op, st.sampled_from("+-*/^"), inner, inner),
            st.builds(grammar.Neg, inner),
            st.builds(grammar.Call, st.sampled_from(grammar.FUNCTIONS), inner),
        )

    return st.recursive(leaves(), larger, max_leaves=8)


def linear() -> st.SearchStrategy[tuple[int, int]]:
    """a and b of a*x + b, a not zero."""
    return st.tuples(st.integers(-9, 9).filter(bool), st.integers(-9, 9))
