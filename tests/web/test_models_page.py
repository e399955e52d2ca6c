"""The models page: memory and its budget, load, free, pin, what a school brought, and clear refusals."""

import re
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from tests.maas import onnx_file, starter_files
from tests.web import checks, schools

from shuyuan.identity import http as identity_http
from shuyuan.maas.catalogue import extras
from shuyuan.maas.catalogue.interface import LocalText, NewVersion
from shuyuan.maas.serving.interface import ModelStatus, Residency

DIGITS = onnx_file.linear(np.eye(3, dtype=np.float32))


class Still:
    """An engine that shows what a test says; nothing can be loaded."""

    def __init__(self, states: list[ModelStatus], *, used_bytes: int = 0) -> None:
        self.states, self.used_bytes = states, used_bytes

    def status(self) -> list[ModelStatus]:
        return self.states

    def residency(self) -> Residency:
        return Residency(1_000_000_000, self.used_bytes, [one for one in self.states if one.replicas])

    def forget(self) -> None:
        """There is nothing to look up again."""

    async def warm(self, model: str, **_: object) -> None:
        """There is nothing to load."""

    async def close(self) -> None:
        """There is nothing to stop."""


def bring(office: schools.Office, content: bytes = DIGITS, file: str = "digits.onnx", **form: str) -> tuple[int, str]:
    """Send the form; status, and where it leads or what it says."""
    given = {"name": "digits", "champion": "1", "reason": "reads 7s better", **form}
    answer = office.admin.post("/admin/models/bring", data=given, files={"file": (file, content)})
    return answer.status_code, answer.headers.get("location") or answer.text


def actions(office: schools.Office) -> list[str]:
    return re.findall(r"model\.\w+", office.admin.get("/admin/audit?kind=model").text)


def test_a_version_in_use_from_now_on_needs_a_reason_and_keeps_it(office: schools.Office) -> None:
    status, page = bring(office, reason="  ")
    assert status == 400
    assert "without a reason" in page
    assert 'name="reason"' in page
    assert bring(office, reason="reads 7s better")[0] == 303
    school_id = office.platform.get("identity").schools()[0].id
    (move,) = office.platform.get("catalogue").alias_history(school_id, "digits")
    assert move.reason == "reads 7s better"


# pulls


def test_the_card_comes_before_the_pull(office: schools.Office) -> None:
    page = office.admin.get("/admin/models").text
    assert "See the card of tiny" in page
    assert "No model on this machine yet" in page
    card = office.admin.get("/admin/models/tiny").text
    for words in (
        "Apache-2.0",
        "Origin unverified",
        "98 MB",
        "do not teach",
        "b179c9523d0e6a0f98a330c7562b",
        "Pull 98 MB",
    ):
        assert words in card
    assert office.admin.get("/admin/models/nothing").status_code == 404


def test_an_entry_of_several_files_shows_each_with_its_hash(office: schools.Office) -> None:
    whisper = next(one.entry for one in office.platform.get("catalogue").models() if one.entry.name == "whisper")
    card = office.admin.get("/admin/models/whisper").text
    checks.is_sound(card, "en")
    for file in (whisper, *whisper.also):
        assert file.filename in card
        assert file.sha256 in card
    assert f"{1 + len(whisper.also)} files" in office.admin.get("/admin/models").text


def test_a_pull_under_way_shows_how_far_it_is_and_asks_again(tmp_path: Path) -> None:
    coming = [ModelStatus("tiny", "pulling", reason="fetching", progress=0.42)]
    given = {"engine": Still(coming)}
    with schools.empty(tmp_path / "home", given, cache=tmp_path / "cache", starter="tiny") as office:
        page = office.admin.get("/admin/models").text
        checks.is_sound(page, "en")
        assert "Pulling tiny" in page
        strip = office.admin.get("/admin/models/strip").text
        assert "42 %" in strip
        assert 'hx-trigger="every 2s"' in strip
        assert "<html" not in strip
        coming.clear()
        last = office.admin.get("/admin/models/strip", headers={"hx-request": "true"}).text
        assert "hx-trigger" not in last
        assert "Arrived" in last


def test_what_a_runner_still_needs_is_said_with_the_command(
    office: schools.Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(extras._NEEDS, "ocr", ("no_such_module", "ocr"))  # as on a small install
    for path in ("/admin/models", "/admin/models/ocr"):
        assert "pip install &#39;shuyuan[ocr]&#39;" in office.admin.get(path).text
    office.admin.cookies.set("lang", "zh")
    page = office.admin.get("/admin/models").text
    assert '<code class="xs">make media</code>' in page
    assert "in a clone" not in page, "a command is the same in every language; what is said of it is not"


# memory


def test_a_pulled_model_loads_shows_its_memory_stays_pinned_and_is_freed(tmp_path: Path) -> None:
    starter_files.require("tiny")
    with schools.empty(tmp_path / "home", starter="none") as office:
        assert office.admin.post("/admin/models/tiny/pull").headers["location"] == "/admin/models?notice=pull_started"
        assert "hx-trigger" not in office.admin.get("/admin/models/strip").text, (
            "nothing is coming: nothing is asked again"
        )
        assert office.admin.post("/admin/models/tiny/load").status_code == 303
        page = office.admin.get("/admin/models").text
        checks.is_sound(page, "en")
        (status,) = office.platform.get("engine").residency().models
        assert f"tiny {status.memory_bytes / 1e6:.0f} MB" in page
        assert "1 in memory" in page

        office.admin.post("/admin/models/tiny/pin", data={"pinned": "1"})
        page = office.admin.get("/admin/models").text
        assert ">pinned<" in page
        assert ">Unpin<" in page
        office.admin.post("/admin/models/tiny/pin")
        assert ">pinned<" not in office.admin.get("/admin/models").text

        office.admin.post("/admin/models/tiny/unload")
        assert "0 in memory" in office.admin.get("/admin/models").text
        assert actions(office) == [
            f"model.{did}" for did in ("unloaded", "unpinned", "pinned", "loaded", "pull_started")
        ]


def test_replicas_keep_alive_and_pin_are_set_on_the_card(tmp_path: Path) -> None:
    starter_files.require("tiny")
    with schools.empty(tmp_path / "home", starter="none") as office:
        form = {"whole": "1", "replicas": "1", "keep_alive": "3600", "pinned": "1"}
        answer = office.admin.post("/admin/models/tiny/load", data=form)
        assert answer.headers["location"] == "/admin/models/tiny?notice=loaded"
        (status,) = office.platform.get("engine").residency().models
        assert (status.replicas, status.keep_alive_s, status.pinned) == (1, 3600, True)
        card = office.admin.get("/admin/models/tiny").text
        checks.is_sound(card, "en")
        assert '<option value="3600" selected>' in card
        office.admin.post("/admin/models/tiny/load", data={**form, "keep_alive": "room", "pinned": ""})
        (status,) = office.platform.get("engine").residency().models
        assert (status.keep_alive_s, status.pinned) == (None, False)


def test_the_bar_counts_other_schools_models_without_naming_them(tmp_path: Path) -> None:
    theirs = ModelStatus(
        "secret", "ready", version="models:/secret/1", school_id="valley", memory_bytes=300_000_000, replicas=1
    )
    ours = ModelStatus("tiny", "ready", memory_bytes=200_000_000, replicas=1, pinned=True)
    given = {"engine": Still([ours, theirs], used_bytes=500_000_000)}
    with schools.empty(tmp_path / "home", given, cache=tmp_path / "cache", starter="none") as office:
        page = office.admin.get("/admin/models").text
    assert "500 MB of 1.0 GB" in page
    assert "tiny 200 MB" in page
    assert "models of other schools 300 MB" in page
    assert "secret" not in page
    assert 'x="20.0%" width="30.0%"' in page


def test_a_card_tells_nothing_of_another_schools_model_of_the_same_name(tmp_path: Path) -> None:
    starter_files.require("tiny")
    theirs = ModelStatus("tiny", "ready", school_id="valley", replicas=1, memory_bytes=777_000_000)
    given = {"engine": Still([theirs, ModelStatus("tiny", "pulled")])}
    with schools.empty(tmp_path / "home", given, starter="none") as office:
        office.admin.post("/admin/models/tiny/pull")
        page = office.admin.get("/admin/models/tiny").text
    assert 'id="held"' in page
    assert 'class="tag right"' not in page, "ready is theirs, not ours"


def test_loading_what_is_not_here_says_so_and_is_not_noted(office: schools.Office) -> None:
    answer = office.admin.post("/admin/models/tiny/load")
    assert answer.status_code == 503
    assert "That did not happen" in answer.text
    assert "Its file is not on this machine yet" in answer.text
    assert actions(office) == []


def test_a_model_that_can_never_fit_is_refused_in_the_readers_language(office: schools.Office) -> None:
    bring(office)
    office.platform.get("engine")._budget.budget_bytes = 10  # no machine is that small
    office.admin.cookies.set("lang", "zh")
    answer = office.admin.post("/admin/models/digits/load", data={"version": "1"})
    assert answer.status_code == 409
    checks.is_sound(answer.text, "zh")
    assert "内存放不下" in answer.text
    assert "all models together may take" in answer.text, "the figures are there too"


# what a school brings


def test_nothing_brought_says_what_to_do_first(office: schools.Office) -> None:
    assert "None of your own yet" in office.admin.get("/admin/models").text


def test_a_brought_file_shows_its_labels_and_runs(office: schools.Office) -> None:
    assert bring(office, labels="zero, one, two") == (303, "/admin/models/digits?notice=brought")
    for language in ("zh", "en"):
        office.admin.cookies.set("lang", language)
        for path in ("/admin/models", "/admin/models/digits"):
            checks.is_sound(office.admin.get(path).text, language)
    page = office.admin.get("/admin/models/digits").text
    assert "version 1 is in use" in page
    assert all(f'<span class="tag">{label}</span>' in page for label in ("zero", "one", "two"))
    answer = office.admin.post("/admin/models/digits/load", data={"version": "1"})
    assert answer.headers["location"] == "/admin/models/digits?notice=loaded"
    assert "digits/1 " in office.admin.get("/admin/models").text
    office.admin.post("/admin/models/digits/unload", data={"version": "1"})
    assert actions(office) == ["model.unloaded", "model.loaded"]


def test_a_brought_language_model_can_be_asked_at_once(office: schools.Office) -> None:
    file = starter_files.require("tiny").locate("tiny").path
    assert bring(office, file.read_bytes(), "small.gguf", name="small")[0] == 303
    asked = {"model": "small", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}
    assert office.admin.post("/v1/chat/completions", json=asked).status_code == 200
    page = office.admin.get("/admin/models/small").text
    assert "In memory" in page
    assert "not since the start" not in page


def test_figures_of_a_version_are_shown_and_another_version_is_chosen_with_a_reason(office: schools.Office) -> None:
    bring(office)
    reader = office.platform.get("identity").sign_in("office", schools.PASSWORD).principal
    catalogue = office.platform.get("catalogue")
    first = catalogue.versions(reader.school_id, "digits")[0]
    better = NewVersion(
        model="digits",
        runner="onnx",
        artefact_sha256=first.artefact_sha256,
        size_bytes=first.size_bytes,
        tasks=("predict",),
        card=LocalText(zh="更好", en="better"),
        figures={"accuracy": 0.98765},
    )
    office.platform.get("db").write(
        lambda uow: catalogue.register_version(uow, school_id=reader.school_id, actor_id="a", version=better)
    )
    assert "accuracy 0.9877" in office.admin.get("/admin/models/digits").text
    assert office.admin.post("/admin/models/digits/use", data={"version": "2"}).status_code == 400
    office.admin.post("/admin/models/digits/use", data={"version": "2", "reason": "more accurate"})
    assert "version 2 is in use" in office.admin.get("/admin/models/digits").text


@pytest.mark.parametrize(
    ("content", "file", "form", "said"),
    [
        (b"\x80\x04cos\nsystem\n.", "digits.onnx", {}, "did not pass the examination"),
        (DIGITS, "digits.pkl", {}, "does not say what it is"),
        (DIGITS, "digits.onnx", {"name": "tiny"}, "cannot be named"),
        (DIGITS, "digits.onnx", {"spec": "{"}, "The details are not right"),
        (DIGITS, "digits.onnx", {"labels": "a,a"}, "a label is there twice"),
        (DIGITS, "digits.onnx", {"runner": "pickle"}, "is unknown"),
        (DIGITS, "digits.onnx", {"context": "many"}, "is no number of tokens"),
    ],
)
def test_what_is_refused_says_why_keeps_the_form_and_registers_nothing(
    office: schools.Office, content: bytes, file: str, form: dict[str, str], said: str
) -> None:
    status, page = bring(office, content, file, **{"card": "Made by <us>", **form})
    assert status == 400
    checks.is_sound(page, "en")
    assert said in page
    assert "Made by &lt;us&gt;" in page, "what was typed stays"
    assert "digits" not in office.platform.get("catalogue").known(
        office.platform.get("identity").sign_in("office", schools.PASSWORD).principal.school_id
    )


def test_without_a_file_nothing_happens(office: schools.Office) -> None:
    answer = office.admin.post("/admin/models/bring", data={"name": "digits"})
    assert (answer.status_code, "no file was chosen" in answer.text) == (400, True)


def test_another_schools_model_has_no_page(office: schools.Office) -> None:
    identity, catalogue = office.platform.get("identity"), office.platform.get("catalogue")
    file = office.platform.settings.home / "theirs.onnx"
    file.write_bytes(DIGITS)
    catalogue.add_file(identity.create_school("Valley").id, "a", model="theirs", source=file, runner="onnx")
    assert "theirs" not in office.admin.get("/admin/models").text
    assert office.admin.get("/admin/models/theirs").status_code == 404
    assert office.admin.post("/admin/models/theirs/load", data={"version": "1"}).status_code == 404


def test_a_larger_body_than_elsewhere_is_taken_from_administrators_only(office: schools.Office) -> None:
    large = b"\0" * (office.platform.settings.max_body_bytes + 1)
    assert bring(office, large)[0] == 400, "received, and refused as no model"
    stranger: TestClient = office.anyone()
    stranger.cookies.set(identity_http.COOKIE, "unknown")
    answer = stranger.post("/admin/models/bring", data={"name": "digits"}, files={"file": ("digits.onnx", large)})
    assert answer.status_code in (303, 401, 413)


def test_a_school_does_not_free_or_pin_what_another_school_uses_too(tmp_path: Path) -> None:
    starter_files.require("tiny")
    with schools.empty(tmp_path / "home", starter="tiny") as office:
        assert office.admin.post("/admin/models/tiny/pin", data={"pinned": "1"}).status_code == 303
        office.platform.get("identity").create_school("Another school")
        for path, form in (("unload", {}), ("pin", {"pinned": ""})):
            assert office.admin.post(f"/admin/models/tiny/{path}", data=form).status_code == 403, path


def test_pin_is_offered_for_what_can_be_held_though_not_loaded_and_for_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starter_files.require("tiny")
    with schools.empty(tmp_path / "home", starter="none") as office:

        def offered() -> bool:
            return 'action="/admin/models/tiny/pin"' in office.admin.get("/admin/models").text

        assert offered(), "pulled, not loaded"
        with monkeypatch.context() as small:
            small.setitem(extras._NEEDS, "llama", ("no_such_module", "media"))
            assert not offered(), "what runs it is not installed"
        office.platform.get("identity").create_school("Another school")
        assert not offered(), "another school uses it too"
        assert "Several schools share this model" in office.admin.get("/admin/models/tiny").text
