"""What a page of ours asks for: its hidden fields, and who it says is signed in."""

import re


def hidden(html: str, name: str) -> list[str]:
    """The values of the hidden fields of this name."""
    return re.findall(rf'name="{name}" value="([^"]*)"', html)


def of(html: str, action: str) -> dict[str, list[str]]:
    """The hidden fields of the first form that posts to `action`."""
    inside = html.split(f'action="{action}"', 1)[1].split("</form>", 1)[0]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', inside):
        found.setdefault(name, []).append(value)
    return found


def account(html: str) -> str:
    """The id of whoever is signed in."""
    found: list[str] = re.findall(r'name="account" content="([^"]+)"', html)
    return found[0]
