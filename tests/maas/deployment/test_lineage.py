"""Lineage: from data to deployment, the failed branch included."""

import itertools
import re

from tests.maas.deployment.conftest import House

from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.deployment import drawing, interface
from shuyuan.maas.deployment.service import DeploymentService


def bring(house: House, lineage: dict[str, str], parent_id: str | None = None) -> catalogue_api.Version:
    address = house.catalogue.resolve(house.north, "models:/digits/1").artefact_sha256
    version = catalogue_api.NewVersion(
        model="digits",
        runner="onnx",
        artefact_sha256=address,
        size_bytes=2_500_000,
        card=catalogue_api.LocalText(zh="数字", en="digits"),
        lineage=lineage,
        tasks=("predict",),
        parent_id=parent_id,
    )
    return house.db.write(
        lambda uow: house.catalogue.register_version(uow, school_id=house.north, actor_id="system", version=version)
    )


def test_a_version_s_way_is_drawn_from_its_data_to_its_deployment(house: House, deployment: DeploymentService) -> None:
    made = bring(house, {"data": "data:/pupils/3", "run": "runs:/abc"})
    report = house.verdicts.add_report(house.north, "runs:/abc", "data:/pupils/3")
    failed = house.verdicts.add("runs:/abc", passed=False, report_id=report.id)
    passed = house.verdicts.add("runs:/abc", passed=True, report_id=report.id)
    child = bring(house, {}, made.id)
    deployment.promote(house.north, house.person, "digits", made.number, passed)
    deployment.deploy(house.north, house.person, "digits", child.number, share=0.1, reason="smaller")
    deployment.rollback(house.north, house.person, "digits", "too slow")

    graph = deployment.lineage(house.north, "digits", made.number)
    nodes = {node.id: node for node in graph.nodes}
    assert [nodes[one].kind for one in ("data:/pupils/3", "runs:/abc", report.id, passed.id, made.id)] == [
        "data",
        "run",
        "report",
        "gate",
        "version",
    ]
    assert (nodes[failed.id].state, nodes[failed.id].detail) == ("failed", "accuracy")
    assert nodes[report.id].detail == "accuracy 0.800"
    way = ["data:/pupils/3", "runs:/abc", report.id, passed.id, made.id]
    assert set(itertools.pairwise(way)) <= set(graph.edges)
    assert (failed.id, made.id) not in graph.edges, "a failed gate leads nowhere, and is there"
    assert [node.title.en for node in graph.nodes if node.kind == "deployment"] == ["Champion"]

    of_child = deployment.lineage(house.north, "digits", child.number)
    assert (made.id, child.id) in of_child.edges
    assert [(node.title.en, node.state) for node in of_child.nodes if node.kind == "deployment"] == [
        ("Trial rollout", "done"),
        ("Rolled back", "taken_back"),
    ]
    assert {node.id for node in of_child.nodes} > {"data:/pupils/3", "runs:/abc"}, "its parent's way is its own"
    assert not {node.kind for node in of_child.nodes} & {"report", "gate"}, "what was said of its parent is not"


def test_the_picture_reads_left_to_right_in_both_languages_and_escapes(
    house: House, deployment: DeploymentService
) -> None:
    bring(house, {"data": "data:/a<b>&c/1"})
    graph = deployment.lineage(house.north, "digits", 3)
    english, chinese = drawing.svg(graph, "en"), drawing.svg(graph, "zh")
    assert "Data set · done" in english
    assert "数据集 · 已完成" in chinese
    assert "<b>" not in english
    assert "&lt;b&gt;&amp;c" in english
    columns = [int(x) for x in re.findall(r'<rect x="(\d+)"', english)]
    assert columns == sorted(columns)
    assert len(columns) == len(graph.nodes)


def test_a_failed_box_and_what_follows_it_are_drawn() -> None:
    def box(name: str, column: int, state: interface.NodeState) -> interface.Node:
        text = catalogue_api.LocalText(zh=name, en=name)
        return interface.Node(id=name, kind="step", column=column, title=text, state=state)

    states: tuple[interface.NodeState, ...] = ("done", "failed", "cancelled", "running", "waiting")
    nodes = tuple(box(f"n{n}", n, state) for n, state in enumerate(states))
    drawn = drawing.svg(interface.Graph(nodes=nodes, edges=(("n0", "n1"), ("n1", "n2"))), "en")
    for sign in "✓✗■▶…":
        assert sign in drawn
    assert drawn.count("<path") == 2
    assert 'stroke-dasharray="4 4"' in drawn, "the way from a failed box"


def test_nothing_to_draw_is_an_empty_picture() -> None:
    assert drawing.svg(interface.Graph(nodes=(), edges=())).startswith("<svg")
