r"""LaTeX as people write it in school mathematics, to plain text: `\frac{1}{2}` becomes `1/2`."""

import re

COMMANDS = {
    "times": " * ", "cdot": " * ", "ast": " * ", "div": " / ", "pm": "±", "approx": "≈", "neq": "≠", "ne": "≠",
    "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "pi": "π", "degree": "°", "circ": "°", "infty": "∞",
    "quad": " ", "qquad": " ", "left": "", "right": "", "displaystyle": "", "therefore": "∴", "because": "∵",
    "Rightarrow": "⇒", "implies": "⇒", "to": "→", "rightarrow": "→", "ldots": "...", "dots": "...", "cdots": "...",
    "equiv": "≡", "boxed": "", "text": "", "mathrm": "", "mathbf": "", "textbf": "", "mathit": "", "operatorname": "",
}  # fmt: skip
_FRACTION = re.compile(r"\\[dtc]?frac(?![A-Za-z])")
_ROOT = re.compile(r"\\sqrt(?![A-Za-z])")
_COMMAND = re.compile(r"\\([A-Za-z]+)[ ]?")
_DELIMITER = re.compile(r"\$\$?|\\[()\[\]]")
_SIMPLE = re.compile(r"[\w.]*\Z")
DEEPEST = 20  # nested fractions; deeper text is left as it stands


def latex_to_plain(text: str) -> str:
    r"""Delimiters dropped, fractions and roots written on the line, symbols as single characters.

    >>> latex_to_plain(r"$x = \frac{1}{2} \times 3^{10}$"), latex_to_plain(r"\frac{a+1}{\sqrt{2}}")
    ('x = 1/2  * 3^10', '(a+1)/(sqrt(2))')
    """
    if "\\" in text:
        text = _on_the_line(text, 0)
        text = re.sub(r"\\[,;:! ]", " ", text)
        text = text.replace("\\%", "%").replace("\\$", " ").replace("\\{", "(").replace("\\}", ")")
    text = _DELIMITER.sub("", text)
    text = _COMMAND.sub(lambda found: COMMANDS.get(found[1], " " + found[1] + " "), text)
    return _braces_off(text)


def _on_the_line(text: str, depth: int) -> str:
    out, at = [], 0
    while depth < DEEPEST and (found := _next(text, at)):
        out.append(text[at : found.start()])
        first, at = _group(text, found.end())
        if found.re is _ROOT:
            out.append(f"sqrt({_on_the_line(first, depth + 1)})")
            continue
        second, at = _group(text, at)
        above, below = (_bracketed(_on_the_line(part, depth + 1)) for part in (first, second))
        gap = " " if "".join(out)[-1:].isdigit() else ""  # 8 3/4, not 83/4
        out.append(f"{gap}{above}/{below}")
    return "".join(out) + text[at:]


def _next(text: str, at: int) -> re.Match[str] | None:
    found = [match for match in (_FRACTION.search(text, at), _ROOT.search(text, at)) if match]
    return min(found, key=lambda match: match.start(), default=None)


def _group(text: str, at: int) -> tuple[str, int]:
    """The argument that begins at `at`: a braced group, or one character. Unclosed: the rest."""
    while at < len(text) and text[at] == " ":
        at += 1
    if at >= len(text) or text[at] != "{":
        return text[at : at + 1], at + 1
    level = 0
    for place in range(at, len(text)):
        level += {"{": 1, "}": -1}.get(text[place], 0)
        if not level:
            return text[at + 1 : place], place + 1
    return text[at + 1 :], len(text)


def _bracketed(part: str) -> str:
    part = part.strip()
    return part if _SIMPLE.match(part) else f"({part})"


def _braces_off(text: str) -> str:
    """`^{10}` to `^10`, `^{a+1}` to `^(a+1)`, other braces gone."""
    text = re.sub(r"([\^_])\{([^{}]*)\}", lambda found: found[1] + _bracketed(found[2]), text)
    return text.replace("{", "").replace("}", "")
