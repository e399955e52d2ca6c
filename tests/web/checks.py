"""What must hold for every page of ours, whoever shows it."""

import gzip
import re
from html.parser import HTMLParser

from shuyuan.web import static

MOST_BYTES = 150_000  # compressed, with stylesheet and scripts: what a learner's or teacher's page may weigh


class Reader(HTMLParser):
    """Collects what a strict content policy forbids, and every address."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.addresses: list[str] = []
        self.assets: list[str] = []
        self.ids: list[str] = []
        self.primary = 0
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "style" or "style" in given:
            self.wrong.append(f"inline style in <{tag}>")
        if tag == "script" and "src" not in given:
            self.wrong.append("inline script")
        self.wrong += [f"{name} in <{tag}>" for name in given if name.startswith("on")]
        self.addresses += [
            given[name] for name in ("href", "src", "action", "formaction", "hx-get", "hx-post") if name in given
        ]
        self.assets += [given[name] for name in ("src", "href") if given.get(name, "").startswith("/static/")]
        self.ids += [given["id"]] if "id" in given else []
        self.primary += "primary" in given.get("class", "").split()


def read(html: str) -> Reader:
    """The page's parts."""
    reader = Reader()
    reader.feed(html)
    return reader


def is_sound(html: str, language: str) -> None:
    """No inline style or script, no address of another server, no id twice, the right language, at most one primary."""
    page = read(html)
    assert not page.wrong, page.wrong
    outside = [one for one in page.addresses if not one.startswith(("/", "#")) or one.startswith("//")]
    assert not outside, f"addresses of other servers: {outside}"
    twice = {one for one in page.ids if page.ids.count(one) > 1}
    assert not twice, f"ids used twice: {twice}"
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}"' in html
    assert page.primary <= 1, f"{page.primary} primary buttons"
    assert len(re.findall(r"<h1[ >]", html)) == 1


def weight(html: str) -> int:
    """Compressed bytes of a first visit: the page, and each static file it asks for."""
    known = {asset.url: len(asset.packed) for asset in static.assets().values()}
    return len(gzip.compress(html.encode(), 5)) + sum(known[url] for url in set(read(html).assets))
