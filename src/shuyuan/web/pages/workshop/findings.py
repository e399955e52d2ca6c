"""Lines of a cleaning report in the reader's language; what has no words, or came before codes, as it was written."""

from collections.abc import Callable, Mapping

from shuyuan.maas.datasets.interface import Finding
from shuyuan.web import glossary

Say = Callable[..., str]


def rule(finding: Finding) -> str:
    """The key of its rule; empty where there are no words."""
    return _known("workshop.rule.", finding.rule)


def action(finding: Finding) -> str:
    """The key of what was done. Older findings say it in the same English words."""
    return _known("workshop.act.", finding.action)


def detail(finding: Finding) -> str:
    """The key of the rest."""
    return _known("workshop.found.", finding.code) if finding.code else ""


def values(finding: Finding, say: Say) -> Mapping[str, object]:
    """What the detail is filled with; kinds and parts in the reader's words."""
    worded = {"kind": "workshop.kind.", "part": "workshop.part."}
    return {
        name: say(key) if name in worded and (key := _known(worded[name], str(value))) else value
        for name, value in finding.values.items()
    }


def _known(prefix: str, word: str) -> str:
    key = prefix + word.replace(" ", "_")
    return key if key in glossary.words() else ""
