"""Our own grammar for mathematics that people type: text in, a small tree out. Never `eval`.

    relation := sum [ "=" sum ]
    sum      := [sign] product { (+|-) product }
    product  := signed { (*|/) signed | power }         a missing sign is a multiplication: 2x, 3(x-1)
    signed   := {sign} power
    power    := primary [ ("^"|"**") signed ]           to the right: 2^3^2 = 2^9
    primary  := number | name | function "(" sum ")" | √primary | "(" sum ")" | "|" sum "|"

`1/2x` is half of x, as pupils write it; any other product after a quotient (`a/2b`) is refused as ambiguous.
Bounds: 200 characters, 200 nodes, depth 30, numbers of 30 digits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

MAX_CHARACTERS = 200
MAX_NODES = 200
MAX_DEPTH = 30
MAX_DIGITS = 30
FUNCTIONS = ("sqrt", "abs", "sin", "cos", "tan", "ln")

_SIGNS = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "×": "*", "·": "*", "⋅": "*", "∙": "*", "•": "*", "÷": "/", "∕": "/"}
)
_BRACKETS = str.maketrans({"[": "(", "]": ")", "{": "(", "}": ")", "【": "(", "】": ")"})
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_TOKEN = re.compile(r"\s*(?:(\d+\.\d*|\.\d+|\d+)|([A-Za-zα-ωΑ-Ω]+)|(\*\*|[-+*/^()=|√]))")


class Unreadable(Exception):
    """The text is not an expression of this grammar. Says what and how to mend it, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


@dataclass(frozen=True, slots=True)
class Num:
    value: Fraction


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, or the constant pi."""

    name: str


@dataclass(frozen=True, slots=True)
class Neg:
    part: Node


@dataclass(frozen=True, slots=True)
class Op:
    """left sign right; sign is one of + - * / ^."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    part: Node


Node = Num | Name | Neg | Op | Call


@dataclass(frozen=True, slots=True)
class Equation:
    left: Node
    right: Node


def parse(text: str, variables: Iterable[str] = ()) -> Node | Equation:
    """Read an expression or an equation. Names longer than a letter are known only when in `variables`."""
    if len(text) > MAX_CHARACTERS:
        raise Unreadable(
            f"答案有 {len(text)} 个字符，最多 {MAX_CHARACTERS} 个：请化简后再写",
            f"the answer has {len(text)} characters, at most {MAX_CHARACTERS} are read: write it shorter",
        )
    return _Parser(_tokens(plain(text), tuple(variables))).relation()


def plain(text: str) -> str:
    """Full-width and typographic signs as the keyboard writes them; superscripts as powers."""
    text = _SUPERSCRIPT.sub(lambda run: f"^({run[0].translate(_SUPERSCRIPTS)})", text)
    text = text.translate(_SIGNS)
    return unicodedata.normalize("NFKC", text).translate(_SIGNS).translate(_BRACKETS).strip()


def show(node: Node | Equation) -> str:
    """Write a tree so that `parse` reads the same tree back."""
    if isinstance(node, Equation):
        return f"{show(node.left)} = {show(node.right)}"
    return _show(node, 0)


def names(node: Node | Equation) -> set[str]:
    """Variables in a tree (pi is a constant)."""
    if isinstance(node, Name):
        return set() if node.name == "pi" else {node.name}
    if isinstance(node, Neg | Call):
        return names(node.part)
    if isinstance(node, Op | Equation):
        return names(node.left) | names(node.right)
    return set()


# --- tokens ---------------------------------------------------------------------------------------------


def _tokens(text: str, variables: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise _unknown_character(text[position:].strip()[0])
        number, word, sign = match.groups()
        if word:
            found.extend(_split_word(word, variables))
        elif number:
            found.append(_checked_number(number))
        else:
            found.append("^" if sign == "**" else sign)
        position = match.end()
    if not found:
        raise Unreadable("答案是空的：请写一个式子", "the answer is empty: write an expression")
    return found


def _checked_number(number: str) -> str:
    if len(number) > MAX_DIGITS:
        raise Unreadable(
            f"“{number[:12]}…”太长：数字最多 {MAX_DIGITS} 位",
            f'"{number[:12]}…" is too long: a number has at most {MAX_DIGITS} digits',
        )
    return number


def _unknown_character(character: str) -> Unreadable:
    return Unreadable(
        f"不认识“{character}”：只用数字、字母和 + - * / ^ ( )",
        f'"{character}" is not understood: use numbers, letters and + - * / ^ ( )',
    )


def _split_word(word: str, variables: tuple[str, ...]) -> list[str]:
    """`xy` is x·y; known names and functions win over letters; X is x when only x is known."""
    known = sorted({*variables, *FUNCTIONS, "pi", "π"}, key=len, reverse=True)
    found: list[str] = []
    while word:
        name = next((name for name in known if word.startswith(name)), None)
        if name is None:
            name = next((name for name in known if word.lower().startswith(name.lower())), word[0])
        found.append("pi" if name == "π" else name)
        word = word[len(name) :]
    return found


# --- the parser -----------------------------------------------------------------------------------------


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._nodes = 0

    def relation(self) -> Node | Equation:
        left = self._sum()
        result: Node | Equation = left
        if self._take("="):
            result = Equation(left, self._sum())
        if self._peek() is not None:
            raise self._surprise()
        return result

    def _sum(self) -> Node:
        self._enter()
        left = self._product()
        while sign := self._take("+", "-"):
            left = self._node(Op(sign, left, self._product()))
        self._depth -= 1
        return left

    def _product(self) -> Node:
        left, divided = self._signed(), False
        while True:
            if sign := self._take("*", "/"):
                left = self._node(Op(sign, left, self._signed()))
                divided = sign == "/" and not _is_fraction(left)
            elif self._starts_primary():
                self._check_implicit(divided)
                left, divided = self._node(Op("*", left, self._power())), False
            else:
                return left

    def _signed(self) -> Node:
        if self._take("+"):
            return self._guarded(self._signed)
        if self._take("-"):
            return self._node(Neg(self._guarded(self._signed)))
        return self._power()

    def _power(self) -> Node:
        base = self._primary()
        if self._take("^"):
            return self._node(Op("^", base, self._guarded(self._signed)))
        return base

    def _primary(self) -> Node:
        token = self._peek()
        if token is None:
            raise Unreadable(
                "式子没有写完：最后还缺一项", "the expression stops early: something is missing at its end"
            )
        if token[0].isdigit() or token[0] == ".":
            self._at += 1
            return self._node(Num(Fraction(token)))
        if token == "√":
            self._at += 1
            return self._node(Call("sqrt", self._guarded(self._primary)))
        if token in ("(", "|"):
            return self._bracketed(")" if token == "(" else "|")
        if token[0].isalpha():
            return self._named(token)
        raise self._surprise()

    def _named(self, token: str) -> Node:
        self._at += 1
        if token not in FUNCTIONS:
            return self._node(Name(token))
        if self._peek() != "(":
            raise Unreadable(f"{token} 后面要加括号：{token}(…)", f"put brackets after {token}: {token}(…)")
        return self._node(Call(token, self._bracketed(")")))

    def _bracketed(self, closing: str) -> Node:
        self._at += 1
        inner = self._sum()
        if not self._take(closing):
            raise Unreadable(f"缺少“{closing}”：请补上括号", f'a "{closing}" is missing: close the bracket')
        return self._node(Call("abs", inner)) if closing == "|" else inner

    def _check_implicit(self, divided: bool) -> None:
        """Refuse what people read in two ways: 2 3, x2 and a/2b."""
        token, before = self._tokens[self._at], self._tokens[self._at - 1]
        if token[0].isdigit() or token[0] == ".":
            raise Unreadable(
                f"“{before}”和“{token}”之间缺少运算符：写作 {before}*{token}、{before}+{token} 或 {before}^{token}",
                f'a sign is missing between "{before}" and "{token}": '
                f"write {before}*{token}, {before}+{token} or {before}^{token}",
            )
        if divided:
            raise Unreadable(
                f"除号后面的“{token}”有两种读法：请加括号，如 1/(2x) 或 (1/2)*x",
                f'"{token}" after a division can be read in two ways: add brackets, as in 1/(2x) or (1/2)*x',
            )

    def _starts_primary(self) -> bool:
        token = self._peek()
        if token is None or token == ")":
            return False
        if token == "|":
            return self._opens_modulus()
        return token[0].isalnum() or token[0] in ".(√"

    def _opens_modulus(self) -> bool:
        """A bar opens when an even number of bars stands before it."""
        return self._tokens[: self._at].count("|") % 2 == 0

    def _guarded(self, part: Callable[[], Node]) -> Node:
        self._enter()
        node = part()
        self._depth -= 1
        return node

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unreadable(
                f"括号或符号嵌套超过 {MAX_DEPTH} 层：请化简", f"nested deeper than {MAX_DEPTH} levels: write it simpler"
            )

    def _node(self, node: Node) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise Unreadable(f"式子超过 {MAX_NODES} 项：请化简", f"more than {MAX_NODES} parts: write it simpler")
        return node

    def _peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, *tokens: str) -> str | None:
        token = self._peek()
        if token not in tokens:
            return None
        self._at += 1
        return token

    def _surprise(self) -> Unreadable:
        token = self._peek()
        return Unreadable(
            f"这里不能出现“{token}”：请检查括号和运算符", f'"{token}" cannot stand there: check brackets and signs'
        )


def _is_fraction(node: Node) -> bool:
    return isinstance(node, Op) and isinstance(node.left, Num) and isinstance(node.right, Num)


# --- writing --------------------------------------------------------------------------------------------

_BINDING = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 4}


def _show(node: Node, outer: int) -> str:
    if isinstance(node, Num):
        return _decimal(node.value)
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Call):
        return f"{node.function}({_show(node.part, 0)})"
    if isinstance(node, Neg):
        return _wrap(f"-{_show(node.part, 3)}", outer > 3)
    binding = _BINDING[node.sign]
    if node.sign == "^":
        return _wrap(f"{_show(node.left, 5)}^{_show(node.right, 3)}", outer > 4)
    return _wrap(f"{_show(node.left, binding)}{node.sign}{_show(node.right, binding + 1)}", outer > binding)


def _wrap(text: str, needed: bool) -> str:
    return f"({text})" if needed else text


def _decimal(value: Fraction) -> str:
    """A parsed number is an integer or a finite decimal, so this is exact."""
    if value.denominator == 1:
        return str(value.numerator)
    places, denominator = 0, value.denominator
    while 10**places % denominator:
        places += 1
    digits = str(value.numerator * 10**places // denominator).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}"
