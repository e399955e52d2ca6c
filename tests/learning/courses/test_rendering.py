"""Rendering: Markdown and LaTeX come out readable, and nothing active comes out at all."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuyuan.learning.courses import rendering

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "[a](data:text/html,x)",
    "<a href='vbscript:x'>a</a>",
    "![a](https://elsewhere.example/a.png)",
    "![a](//elsewhere.example/a.png)",
    "![a](/\\elsewhere.example/a.png)",
    "![a](data:image/png;base64,AAAA)",
    "<iframe src='/x'></iframe><style>*{}</style><form action=/x><input></form>",
    r"$\text{<img src=x onerror=alert(1)>}$",
    r"$\href{javascript:alert(1)}{x}$",
    "$<script>alert(1)</script>$",
    "$$\n<svg onload=alert(1)>\n$$",
    "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
    '[a](/x "onmouseover=alert(1)")',
]


class _Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def active(html: str) -> list[str]:
    """Everything in HTML that could run, load from elsewhere or lead to a script."""
    found = []
    for tag, attributes in _Tags(html).found:
        if tag not in rendering._HTML | rendering._MATHML:
            found.append(tag)
        found += [name for name in attributes if name.startswith("on") or name == "style"]
        href, source = attributes.get("href") or "", attributes.get("src") or "/"
        if re.match(r"\s*(javascript|vbscript|data):", href, re.IGNORECASE):
            found.append(href)
        if not re.match(r"/[^/\\]", source + "x"):
            found.append(source)
    return found


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_active_or_remote_survives(text: str) -> None:
    assert active(rendering.html(text)) == []
    assert active(rendering.inline(text)) == []


def test_the_search_for_active_parts_finds_them() -> None:
    html = (
        "<script></script><p onclick=x style=y><a href=' javascript:1'><img src='//a.example/b'><img src='https://a'>"
    )
    assert active(html) == ["script", "onclick", "style", " javascript:1", "//a.example/b", "https://a"]


def test_the_sanitiser_itself_refuses_what_a_renderer_slip_would_let_through() -> None:
    """Rendering escapes first; this proves the second wall alone."""
    slip = "<img src=https://a.example/x.png><p onclick=x>a</p><script>1</script><a href=javascript:1>b</a>"
    assert rendering._clean(slip) == '<img><p>a</p><a rel="noopener noreferrer nofollow">b</a>'


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
def test_any_text_between_dollars_renders_without_an_exception(latex: str) -> None:
    assert "<script" not in rendering.html(f"${latex}$ $${latex}$$")


@pytest.mark.parametrize("latex", [r"\frac{1}{", r"\left(x", r"\begin{matrix}", "x^", "}", "x" * 2001])
def test_unreadable_latex_is_shown_as_code_or_mathematics_never_raised(latex: str) -> None:
    html = rendering.html(f"${latex}$")
    assert "<code>" in html or "<math" in html


def test_latex_becomes_mathml() -> None:
    html = rendering.html(r"Solve $\frac{x}{2}=\sqrt{3}$.")
    assert "<mfrac>" in html
    assert "<msqrt>" in html
    assert 'display="inline"' in html
    assert 'display="block"' in rendering.html("$$x^2$$")


def test_chinese_around_a_formula_needs_no_spaces() -> None:
    assert rendering.html("求$x$的值").count("<math") == 1


@pytest.mark.parametrize("text", ["It costs $5 and then $6, or \\$7.", "$5-$6", "a `$x$` b", "\\$x\\$", "$ x $", "$$"])
def test_prices_code_and_escapes_are_not_mathematics(text: str) -> None:
    assert "<math" not in rendering.html(text)


@pytest.mark.parametrize(
    "text", ["$4x$ costs \\$5", "$x$, then 5", r"$\$3.79$ each", "$$x$$ inside", "$$\nx\n=\ny\n$$"]
)
def test_a_formula_is_found_whatever_stands_around_it(text: str) -> None:
    assert rendering.html(text).count("<math") == 1


def test_tables_lists_and_local_images_are_kept() -> None:
    assert "<td>2</td>" in rendering.html("|a|b|\n|-|-|\n|1|2|")
    assert "<li>one</li>" in rendering.html("- one\n- two")
    assert '<img src="/media/q.png" alt="a figure">' in rendering.html("![a figure](/media/q.png)")


def test_of_a_remote_image_only_its_words_remain() -> None:
    assert rendering.html("![a plan](https://elsewhere.example/a.png)") == "<p>a plan</p>\n"


def test_inline_has_no_paragraph_around_it() -> None:
    assert rendering.inline("**a** $x$").startswith("<strong>a</strong> ")
