"""Markdown with LaTeX in, sanitised HTML with MathML out.

Order matters: render first, sanitise last, so nothing that Markdown or LaTeX produce escapes the allow-list.
Refuses scripts, styles, event handlers, frames, forms and every image that is not on this server. LaTeX that
cannot be read is shown as code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape

import nh3
from latex2mathml import converter
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.dollarmath import dollarmath_plugin

MAX_CHARACTERS = 200_000
_FORMULA = re.compile(r"\$\$((?:\\.|[^$\\])+)\$\$|\$(?!\s)((?:\\.|[^$\\])+)(?<!\s)\$(?!\d)", re.DOTALL)
MAX_LATEX_CHARACTERS = 2_000
CACHED_TEXTS = 4096

_MATHML = {
    "math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup",
    "munder", "mover", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "menclose",
}  # fmt: skip
_HTML = {
    "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "del", "sub", "sup", "ul", "ol", "li", "code",
    "pre", "blockquote", "table", "thead", "tbody", "tr", "th", "td", "a", "img", "span", "div",
}  # fmt: skip
_ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "math": {"display", "xmlns"},
    "mo": {"stretchy", "fence", "form", "separator", "lspace", "rspace", "largeop", "movablelimits", "accent"},
    "mi": {"mathvariant"},
    "mfrac": {"linethickness"},
    "mspace": {"width"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "mtable": {"columnalign", "rowspacing", "columnspacing", "columnlines", "rowlines"},
    "mtd": {"columnalign"},
    "mover": {"accent"},
    "munder": {"accentunder"},
    "menclose": {"notation"},
}


@lru_cache(maxsize=CACHED_TEXTS)
def html(markdown: str) -> str:
    """A whole text: paragraphs, lists, tables."""
    return _clean(_MARKDOWN.render(markdown[:MAX_CHARACTERS]))


@lru_cache(maxsize=CACHED_TEXTS)
def inline(markdown: str) -> str:
    """One line without a paragraph around it: choices, titles, hints."""
    return _clean(_MARKDOWN.renderInline(markdown[:MAX_CHARACTERS]))


@lru_cache(maxsize=CACHED_TEXTS)
def mathml(latex: str, display: bool = False) -> str:
    """MathML, not yet sanitised; escaped code when the LaTeX cannot be read."""
    if len(latex) > MAX_LATEX_CHARACTERS:
        return _as_code(latex)
    try:
        return str(converter.convert(latex, display="block" if display else "inline"))
    except Exception:  # latex2mathml raises bare IndexError, KeyError and its own kinds: any means unreadable
        return _as_code(latex)


def _as_code(latex: str) -> str:
    return f"<code>{escape(latex)}</code>"


def _math(latex: str, options: dict[str, bool]) -> str:
    return mathml(latex.strip(), bool(options.get("display_mode")))


def _parser() -> MarkdownIt:
    """CommonMark with tables and dollars. The plugin's block rule is kept; its inline rule looks at the last
    character of the text when a formula comes first, so the inline rule is ours."""
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    dollarmath_plugin(parser, allow_labels=False, renderer=_math)
    parser.disable("math_inline")
    parser.inline.ruler.before("escape", "dollars", _dollars)
    parser.add_render_rule("dollars", _inline_math)
    parser.add_render_rule("image", _image)
    return parser


def _dollars(state: StateInline, silent: bool) -> bool:
    """`$x$` and `$$x$$` inside a line. `$5 and $6` are prices: no space inside, no digit outside."""
    match = _FORMULA.match(state.src, state.pos, state.posMax)
    if not match or (state.pos > 0 and state.src[state.pos - 1].isdigit()):
        return False
    if not silent:
        token = state.push("dollars", "math", 0)
        token.content, token.markup = (match[1], "$$") if match[1] else (match[2], "$")
    state.pos = match.end()
    return True


def _inline_math(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    return mathml(tokens[index].content.strip(), tokens[index].markup == "$$")


def _image(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    """Images of this server only; of any other, the alternative text remains."""
    source = str(tokens[index].attrGet("src") or "")
    alternative = renderer.renderInlineAsText(tokens[index].children or [], options, env)
    if not _is_local(source):
        return escape(alternative)
    return f'<img src="{escape(source)}" alt="{escape(alternative)}">'


def _is_local(source: str) -> bool:
    """`/media/x.png` is; `//host/x.png`, `/\\host/x.png`, `https:` and `data:` are not."""
    return source.startswith("/") and not source.startswith(("//", "/\\")) and "\\" not in source


def _filter(tag: str, attribute: str, value: str) -> str | None:
    return value if (tag, attribute) != ("img", "src") or _is_local(value) else None


def _clean(unsafe: str) -> str:
    return nh3.clean(
        unsafe,
        tags=_HTML | _MATHML,
        clean_content_tags={"script", "style"},
        attributes=_ATTRIBUTES,
        attribute_filter=_filter,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )


_MARKDOWN = _parser()
