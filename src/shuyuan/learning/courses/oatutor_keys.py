"""OATutor answers to our item kinds: single, numeric, expression or text, whichever grades them best."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from fractions import Fraction

from shuyuan.learning.courses import interface, latex, oatutor_text
from shuyuan.learning.courses.grading import algebra, arithmetic, equivalence, forms, grammar

LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ROUNDED = re.compile(r"round|nearest|decimal place|approximat|significant|estimate|college physics", re.IGNORECASE)
_PLAIN_NUMBER = re.compile(r"-?\d*\.?\d+")
_LIST_OF_NUMBERS = re.compile(r"-?[\d.]+(?:,-?[\d.]+)+")
_SOLUTIONS = re.compile(r"[a-z]=-?[\d./]+(?:, *[a-z]=-?[\d./]+)+")
_TWO_READINGS = re.compile(r"/\s*\d+\s*[a-z(]")
_ASKS_FOR = (
    ("factored", re.compile(r"\bfactor", re.IGNORECASE)),
    ("expanded", re.compile(r"\b(?:multiply|expand|distribut|add\b|subtract)", re.IGNORECASE)),
    ("simplified", re.compile(r"\b(?:simplif|combine|divide|rationali[sz]e)", re.IGNORECASE)),
)


class Unusable(ValueError):
    """The source's answer cannot grade anybody fairly."""


@dataclass(frozen=True, slots=True)
class Common:
    """The fields all kinds share."""

    id: str
    points: tuple[str, ...]
    prompt: interface.Text
    hints: tuple[interface.Text, ...]
    explanation: interface.Text
    attribution: interface.Attribution
    needs_figure: bool


def single(common: Common, choices: tuple[str, ...], answer: tuple[str, ...]) -> interface.SingleItem:
    """Choices without repetitions; the key is the choice equal to the answer."""
    different = list(dict.fromkeys(choice.strip() for choice in choices))
    if answer[0].strip() not in different:
        raise Unusable("the answer is not among the choices")
    if len(different) < 2:
        raise Unusable(f"{len(different)} different choice: nothing to choose")
    made = tuple(
        interface.Choice(id=letter, text=interface.Text(en=_shown(choice)), correct=choice == answer[0].strip())
        for letter, choice in zip(LETTERS, different, strict=False)
    )
    return interface.SingleItem(**_fields(common), choices=made)


def written(common: Common, answer: str, answer_type: str, words: str) -> interface.Item:
    """A typed answer: a number where it is one, an expression where our grammar reads it, else text."""
    bare = answer.strip()
    if bare.lstrip("$").replace(",", "").replace(".", "", 1).isdigit() and bare.startswith("$"):
        currency = Fraction(bare.strip("$").replace(",", ""))
        return interface.NumericItem(
            **_fields(common), answer=arithmetic.show(currency), unit=interface.Text(zh="$", en="$")
        )
    if answer_type == "string" and not _looks_like_mathematics(bare):
        return interface.TextItem(**_fields(common), answer=interface.Accepted(zh=(), en=_wordings(bare)))
    if _TWO_READINGS.search(bare):
        raise Unusable(f'"{bare}" can be read in two ways: its brackets are missing')
    text = latex.to_grammar(bare)
    try:
        tree = grammar.parse(text)
        return _mathematical(common, text, tree, words)
    except grammar.Unreadable as unreadable:
        raise Unusable(f'"{bare}": {unreadable.en}') from unreadable


def _mathematical(
    common: Common, text: str, tree: grammar.Node | grammar.Equation, words: str
) -> interface.NumericItem | interface.ExpressionItem:
    if _has_letter_in_exponent(tree):
        raise Unusable(f'"{text}" has a letter in an exponent: most likely a slip of the source')
    number = None if isinstance(tree, grammar.Equation) or _is_worked(tree) else algebra.value(tree)
    if number is not None:
        tolerance = _tolerance(text, words)
        return interface.NumericItem(**_fields(common), answer=arithmetic.show(number), tolerance=tolerance)
    equivalence.check(text, ())
    return interface.ExpressionItem(
        **_fields(common), answer=text, variables=tuple(sorted(grammar.names(tree))), form=_form(tree, words)
    )


def _fields(common: Common) -> dict[str, object]:
    return {name: getattr(common, name) for name in Common.__slots__}


def _shown(choice: str) -> str:
    return oatutor_text.prompt(choice) or choice


def _looks_like_mathematics(text: str) -> bool:
    """`12y**3/7` and `(x-4)/(x+3)` do; lists, intervals, words and sentences do not."""
    return re.fullmatch(r"[-−+*/^().\da-z ]+", text) is not None and re.search(r"[a-z]{2,}", text) is None


def _wordings(text: str) -> tuple[str, ...]:
    """Lists of numbers and of solutions may come in any order."""
    if _LIST_OF_NUMBERS.fullmatch(text) or _SOLUTIONS.fullmatch(text):
        parts = [part.strip() for part in text.split(",")]
        if len(parts) <= 4:
            return tuple(", ".join(order) for order in itertools.permutations(parts))
    return (text,)


def _tolerance(text: str, words: str) -> str:
    """Half a unit of the last digit for rounded decimals (asked for, or three places and more); else exact."""
    if not _PLAIN_NUMBER.fullmatch(text) or "." not in text:
        return "0"
    places = len(text.partition(".")[2])
    return f"0.{'0' * places}5" if places >= 3 or _ROUNDED.search(words) else "0"


def _is_worked(tree: grammar.Node) -> bool:
    """A number that is more than a number, a fraction or a power of ten: 3^8 asks for its form."""
    if isinstance(tree, grammar.Neg):
        return _is_worked(tree.part)
    if isinstance(tree, grammar.Op) and tree.sign == "/":
        return _is_worked(tree.left) or _is_worked(tree.right)
    if isinstance(tree, grammar.Op) and tree.sign == "*":
        return _is_worked(tree.left) or not _is_power_of_ten(tree.right)
    return not isinstance(tree, grammar.Num)


def _is_power_of_ten(node: grammar.Node) -> bool:
    return isinstance(node, grammar.Op) and node.sign == "^" and algebra.value(node.left) == 10


def _has_letter_in_exponent(node: grammar.Node | grammar.Equation) -> bool:
    if isinstance(node, grammar.Neg | grammar.Call):
        return _has_letter_in_exponent(node.part)
    if isinstance(node, grammar.Op) and node.sign == "^" and grammar.names(node.right):
        return True
    if isinstance(node, grammar.Op | grammar.Equation):
        return _has_letter_in_exponent(node.left) or _has_letter_in_exponent(node.right)
    return False


def _form(tree: grammar.Node | grammar.Equation, words: str) -> interface.Form:
    """The form the question asks for, where the key itself has it: retyping the question earns nothing."""
    for form, asked in _ASKS_FOR:
        if asked.search(words) and forms.has_form(form, tree, tree):
            return form  # type: ignore[return-value]
    return "any"
