"""Whatever the source writes into the activity log has a label in both languages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import shuyuan
from shuyuan.web import glossary
from shuyuan.web.pages import activity

SOURCE = Path(shuyuan.__file__).parent
ACTION = re.compile(r"[a-z_]+\.[a-z_]+")
RECORDS = {"record", "_record"}


def actions(source: str) -> Iterator[tuple[str, int]]:
    """(action, line) of every entry a file writes; "" for one whose action cannot be told from the file."""
    tree = ast.parse(source)
    named = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    named |= {
        name.id: value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
        for name, value in zip(target.elts, node.value.elts, strict=False)
        if isinstance(name, ast.Name)
    }
    handed_on = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        if any(arg.arg == "action" for arg in [*node.args.args, *node.args.kwonlyargs])
    }
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if _name(call) not in RECORDS | handed_on:
            continue
        given = [*call.args, *(one.value for one in call.keywords if one.arg == "action")]
        told = [text for arg in given for text in texts(arg, named) if ACTION.fullmatch(text)]
        if told:
            yield from ((text, call.lineno) for text in told)
        elif any(one.arg == "action" for one in call.keywords) and not handed_on:
            paired = list(_paired(tree, named))
            yield from ((text, call.lineno) for text in paired or [""])


def texts(node: ast.expr, named: dict[str, ast.expr]) -> list[str]:
    """Every text an expression may become."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.Name):
        return texts(named[node.id], {}) if node.id in named else []
    if isinstance(node, ast.IfExp):
        return [*texts(node.body, named), *texts(node.orelse, named)]
    if isinstance(node, ast.JoinedStr):
        whole = [""]
        for part in node.values:
            piece = texts(part.value if isinstance(part, ast.FormattedValue) else part, named)
            whole = [before + after for before in whole for after in piece]
        return whole
    return []


def _paired(tree: ast.AST, named: dict[str, ast.expr]) -> Iterator[str]:
    """Actions that travel as (action, detail) to where they are recorded."""
    for pair in (node for node in ast.walk(tree) if isinstance(node, ast.Tuple) and len(node.elts) == 2):
        yield from (text for text in texts(pair.elts[0], named) if ACTION.fullmatch(text))


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def written() -> dict[str, str]:
    """action → where it is written first."""
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for action, line in actions(path.read_text("utf-8")):
            found.setdefault(action, f"{path.relative_to(SOURCE)}:{line}")
    return found


def test_every_action_of_the_source_has_a_label() -> None:
    found = written()
    assert "" not in found, f"{found.get('')}: name the action where it is recorded, so that it can have a label"
    assert len(found) > 30, "the source is read"
    missing = {action: where for action, where in found.items() if f"audit.action.{action}" not in glossary.words()}
    assert not missing, f"add these to [audit.action] in words/admin.toml: {missing}"


def test_every_label_is_of_an_action_of_the_source() -> None:
    labels = {key.removeprefix("audit.action.") for key in glossary.words() if key.startswith("audit.action.")}
    assert labels == set(written())


def test_every_kind_one_may_filter_by_has_a_label() -> None:
    for kind in activity.kinds_of(written()):
        assert f"audit.kind.{kind}" in glossary.words()


def test_actions_are_found_however_they_are_written() -> None:
    source = """
MADE, OTHER = "thing.made", 1
def f(self, uow, ok):
    self._audit.record(uow, action=f"thing.{'kept' if ok else 'lost'}", object_id="x")
    self._record(uow, "a", "thing.seen", "id")
    record(action=MADE)
"""
    assert {action for action, _ in actions(source)} == {"thing.made", "thing.kept", "thing.lost", "thing.seen"}
    assert list(actions("audit.record(uow, action=what())")) == [("", 1)]
    pairs = "for action, more in [('thing.held', {}), ('thing.left', {})]: audit.record(uow, action=action, **more)"
    assert {action for action, _ in actions(pairs)} == {"thing.held", "thing.left"}
