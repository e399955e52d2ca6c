"""Lines of a cleaning report in the reader's language; what has no words, or came before codes, as it was written."""

from collections.abc import Callable, Mapping

from shuyuan.maas.datasets.interface import Finding
from shuyuan.web import glossary

Say = Callable[..., str]


def rule(finding: Finding) -> str:
    """The key of its rule; empty where there are no words."""
    return _known(f"workshop.rule.{_word(finding.rule)}")


def action(finding: Finding) -> str:
    """The key of what was done. Older findings say it in the same English words."""
    return _known(f"workshop.act.{_word(finding.action)}")


def detail(finding: Finding) -> str:
    """The key of the rest; empty for findings that came before codes."""
    return _known(f"workshop.found.{finding.code}")


def values(finding: Finding, say: Say) -> Mapping[str, object]:
    """What the detail is filled with; kinds and parts in the reader's words."""
    keys = {
        "kind": f"workshop.kind.{finding.values.get('kind')}",
        "part": f"workshop.part.{finding.values.get('part')}",
    }
    return {name: say(keys[name]) if _known(keys.get(name, "")) else said for name, said in finding.values.items()}


def _word(said: str) -> str:
    return said.replace(" ", "_")


def _known(key: str) -> str:
    return key if key in glossary.words() else ""
