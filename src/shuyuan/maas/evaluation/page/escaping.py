"""Text from data sets is hostile: here it becomes text that can only be read."""

import html
import unicodedata

_MOST = 80  # letters


def safe(text: object, most: int = _MOST) -> str:
    """Escaped for HTML and SVG, text and attributes alike; no control or direction characters; cut with an ellipsis.

    >>> safe("<b>\\u202ea\\x00</b>")
    '&lt;b&gt;a&lt;/b&gt;'
    """
    plain = "".join(letter for letter in str(text) if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co"))
    return html.escape(plain if len(plain) <= most else plain[: most - 1] + "…", quote=True)


def number(value: float | None, digits: int = 4) -> str:
    """A figure for people: four digits that count, whole numbers as they are.

    >>> number(0.93219), number(1234567.8), number(12), number(None)
    ('0.9322', '1,234,568', '12', '–')
    """
    if value is None:
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def size(size_bytes: int) -> str:
    """Bytes for people.

    >>> size(999), size(91_000_000)
    ('999 B', '91.0 MB')
    """
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= scale:
            return f"{size_bytes / scale:.1f} {unit}"
    return f"{size_bytes} B"
