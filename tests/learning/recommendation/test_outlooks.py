"""Predicted attitude and goals: teachers only, with evidence, for a time, never of who did not agree."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from tests.learning.assessment.world import A, World
from tests.learning.recommendation.test_choosing import Agreed

from shuyuan.kernel import children, crypto, errors, outbox
from shuyuan.kernel.settings import Settings
from shuyuan.kernel.storage import Storage
from shuyuan.learning.people.interface import PROFILE_WITHDRAWN, Stated
from shuyuan.learning.recommendation import behaviour, evidence, fitting, outlookmodel, outlookrows, store
from shuyuan.learning.recommendation.outlookmodel import OutlookModel
from shuyuan.learning.recommendation.outlooks import OutlooksService
from shuyuan.maas.catalogue.interface import Version
from shuyuan.maas.catalogue.service import CatalogueService
from shuyuan.science.ranking import Encoder, Outlook

GOOD = {
    "log_loss": 0.5,
    "share_log_loss": 0.69,
    "error": 0.02,
    "auc": 0.8,
    "calibration_error": 0.1,
    "calibration_by_chance": 0.1,
    "people": 6.0,
}
NO_BETTER = GOOD | {"log_loss": 0.68}


def model(job: fitting.Job, **figures: dict[str, float]) -> fitting.Fitted:
    """No training: more answers, more likely to go on; and everybody wants to enjoy it."""
    encoder = Encoder.fit(job.rows, job.kinds, rare=1)
    weight = np.zeros((len(encoder.columns), 2), dtype=np.float32)
    weight[encoder.columns.index(("answers", "")), 0] = 1.0
    weight[encoder.columns.index(("answers", "∅")), 0] = -1.0
    ones = np.ones(2, dtype=np.float32)
    net = ((weight, np.array([0.2, 2.0], dtype=np.float32)),)
    arrays = Outlook(encoder, ("keeps_at_it", "goal:enjoy"), net, ones, 0 * ones).to_bytes()
    return fitting.Fitted(arrays, {"keeps_at_it": GOOD, "goal:enjoy": GOOD} | figures)


class Scene:
    """The small school three weeks on; all six pupils agreed, and six are enough."""

    def __init__(self, world: World, vault: crypto.Vault, folder: Path) -> None:
        self.world, self.jobs = world, cast(list[fitting.Job], [])
        for pupil in world.pupils:
            world.practise(pupil, A, "-" + "+" * 11)
        world.later(days=15)
        ids = {pupil.account_id for pupil in world.pupils}
        self.agreed = Agreed(outlook=set(ids), peers=set(ids))
        profiles, people = cast(Any, self.agreed), cast(Any, world.people)
        settings = Settings(home=folder, cache=folder / "cache")
        self.storage = Storage(str(folder / "store"))
        self.catalogue = CatalogueService(world.database, self.storage, world.audit, settings)
        self.model = OutlookModel(
            world.database,
            world.audit,
            profiles,
            world.records,
            self.catalogue,
            self.storage,
            train=self.train,
            clock=world.clock,
        )
        self.service = OutlooksService(
            world.database, vault, world.audit, people, profiles, world.records, self.model, clock=world.clock
        )
        self.figures: dict[str, dict[str, float]] = {}
        self.pupil = world.pupils[0].account_id

    def train(self, job: fitting.Job) -> fitting.Fitted:
        self.jobs.append(job)
        return model(job, **self.figures)

    def versions(self) -> list[Version]:
        return self.catalogue.versions(self.world.school, outlookmodel.MODEL)

    def take_back(self, purposes: Sequence[str]) -> None:
        for one in purposes:
            self.agreed.purposes[one].discard(self.pupil)
        payload = {"purposes": list(purposes)}
        self.service.forget(outbox.Event(1, self.world.school, PROFILE_WITHDRAWN, self.pupil, payload, self.world.now))


@pytest.fixture
def scene(world: World, vault: crypto.Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(outlookmodel, "FEWEST_LEARNERS", 6)
    return Scene(world, vault, tmp_path)


def test_a_teacher_reads_what_is_expected_with_its_reasons_until_it_runs_out(scene: Scene) -> None:
    assert scene.service.renew(scene.world.school) == 6
    told = scene.service.of(scene.world.teacher, scene.pupil)
    assert told is not None
    first, goal = told.foretold
    assert (first.head, goal.head, told.learners) == ("keeps_at_it", "goal:enjoy", 6)
    assert all(one["zh"] and one["en"] for one in first.evidence)
    assert any("answers in four weeks" in one["en"] for one in first.evidence)
    assert told.expires_at - told.made_at == timedelta(days=28)
    scene.world.later(days=29)
    assert scene.service.of(scene.world.teacher, scene.pupil) is None


def test_pupils_and_other_teachers_never_read_it(scene: Scene) -> None:
    scene.service.renew(scene.world.school)
    with pytest.raises(errors.Forbidden):
        scene.service.of(scene.world.pupils[0], scene.pupil)
    with pytest.raises(errors.NotFound):
        scene.service.dismiss(scene.world.other_teacher, scene.pupil)


def test_what_was_taken_back_is_gone_at_once_and_never_used_again(scene: Scene) -> None:
    scene.service.renew(scene.world.school)
    scene.take_back(["outlook", "peers"])
    assert scene.service.of(scene.world.teacher, scene.pupil) is None
    assert scene.catalogue.aliases(scene.world.school, outlookmodel.MODEL) == {}
    assert not scene.storage.has(scene.versions()[0].artefact_sha256)
    assert scene.service.renew(scene.world.school) == 0  # five are too few to learn from, and the model is gone
    assert scene.pupil not in {one for job in scene.jobs[1:] for one in job.person}
    scene.agreed.purposes["outlook"].add(scene.pupil)
    assert scene.service.of(scene.world.teacher, scene.pupil) is None  # deleted, not hidden


def test_who_takes_it_back_while_the_model_is_trained_is_not_in_it(scene: Scene) -> None:
    def leaves(job: fitting.Job) -> fitting.Fitted:
        scene.agreed.purposes["peers"].discard(scene.pupil)
        return model(job)

    scene.model._train = leaves
    assert scene.service.renew(scene.world.school) == 0
    assert scene.versions() == []
    assert scene.service.of(scene.world.teacher, scene.pupil) is None


def test_each_turn_is_a_version_with_its_card_figures_and_what_the_check_said(scene: Scene) -> None:
    scene.figures = {"goal:enjoy": NO_BETTER}
    scene.service.renew(scene.world.school)
    (version,) = scene.versions()
    assert version.spec["heads"] == ["keeps_at_it"]
    assert version.figures["keeps_at_it.auc"] == 0.8
    assert version.figures["learners"] == 6
    assert "for their teachers only" in version.card.en.lower()
    told = scene.service.of(scene.world.teacher, scene.pupil)
    assert told is not None
    assert (told.version, [one.head for one in told.foretold]) == (version.uri, ["keeps_at_it"])


def test_a_version_no_better_than_a_mere_share_is_refused_and_stays_visible(scene: Scene) -> None:
    scene.figures = {"keeps_at_it": NO_BETTER, "goal:enjoy": GOOD | {"calibration_error": 0.4}}
    assert scene.service.renew(scene.world.school) == 0
    (refused,) = scene.versions()
    assert refused.spec["heads"] == []
    assert scene.catalogue.aliases(scene.world.school, outlookmodel.MODEL) == {}
    assert scene.service.of(scene.world.teacher, scene.pupil) is None
    scene.service.renew(scene.world.school)
    assert len(scene.jobs) == 1  # not tried again before the week is over


def test_a_teacher_is_told_the_true_reason_why_there_is_no_estimate(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    school, teacher = scene.world.school, scene.world.teacher

    def why() -> tuple[str, int]:
        told = scene.service.why_not(teacher, scene.pupil)
        assert told is not None
        return told.why, told.learners

    with pytest.raises(errors.Forbidden):
        scene.service.why_not(scene.world.pupils[0], scene.pupil)
    monkeypatch.setattr(fitting, "is_possible", lambda: False)
    assert why() == ("no_parts", 0)
    monkeypatch.setattr(fitting, "is_possible", lambda: True)
    assert why() == ("not_fitted", 0)
    assert scene.service.overdue(school), "none was ever made"
    monkeypatch.setattr(outlookmodel, "FEWEST_LEARNERS", 7)
    assert why() == ("few_learners", 6)
    monkeypatch.setattr(outlookmodel, "FEWEST_LEARNERS", 6)
    scene.figures = {"keeps_at_it": NO_BETTER, "goal:enjoy": NO_BETTER}
    scene.service.renew(school)
    refused = scene.service.why_not(teacher, scene.pupil)
    assert refused is not None
    assert (refused.why, refused.version) == ("refused", scene.versions()[0].uri)
    assert not scene.service.overdue(school)
    scene.world.later(days=8)
    assert scene.service.overdue(school), "a week and a day"
    scene.figures = {}
    scene.service.renew(school)
    assert scene.service.why_not(teacher, scene.pupil) is None
    scene.service.dismiss(teacher, scene.pupil)
    assert why() == ("set_aside", 0)
    scene.agreed.purposes["outlook"].discard(scene.pupil)
    assert scene.service.why_not(teacher, scene.pupil) is None, "not agreed to: there is nothing to explain"


def test_a_refused_version_leaves_the_one_before_in_use(scene: Scene) -> None:
    assert scene.service.renew(scene.world.school, learn=False) == 0  # in school hours no version is made
    assert scene.jobs == []
    scene.service.renew(scene.world.school)
    scene.figures = {"keeps_at_it": NO_BETTER, "goal:enjoy": NO_BETTER}
    scene.world.later(days=8)
    assert scene.service.renew(scene.world.school) == 6
    assert scene.catalogue.aliases(scene.world.school, outlookmodel.MODEL) == {"champion": 1}
    assert len(scene.versions()) == 2


def test_chances_are_for_ranking_only_where_both_uses_are_agreed_to(scene: Scene) -> None:
    scene.service.renew(scene.world.school)
    pupil = scene.world.pupils[0]
    assert scene.service.chances(pupil, scene.pupil) == {}
    scene.agreed.purposes["suggestions"] = {scene.pupil}
    assert scene.service.chances(pupil, scene.pupil).keys() == {"keeps_at_it", "goal:enjoy"}
    scene.take_back(["outlook"])
    assert scene.service.chances(pupil, scene.pupil) == {}


def test_a_dismissed_outlook_does_not_come_back_before_it_would_have_run_out(scene: Scene) -> None:
    scene.service.renew(scene.world.school)
    scene.service.dismiss(scene.world.teacher, scene.pupil)
    assert scene.service.renew(scene.world.school) == 5
    assert scene.service.of(scene.world.teacher, scene.pupil) is None
    with pytest.raises(errors.NotFound):
        scene.service.dismiss(scene.world.teacher, "nobody")


def test_the_model_is_kept_a_week_and_too_few_learners_make_none(scene: Scene) -> None:
    scene.service.renew(scene.world.school)
    scene.service.renew(scene.world.school)
    assert len(scene.jobs) == 1
    scene.world.later(days=8)
    scene.service.renew(scene.world.school)
    assert len(scene.jobs) == 2
    assert scene.service.renew(scene.world.other_school) == 0


def test_disputed_facts_and_ungiven_profiles_are_missing_in_every_row(scene: Scene) -> None:
    stated = {scene.pupil: Stated(goals=("exam",), disputed=("answers",))}
    rows = outlookrows.now(scene.world.records, scene.world.school, stated, scene.world.now)
    values = rows[scene.pupil].values
    assert values["answers"] is None
    assert values["interests"] is None
    assert values["days"] == 1.0
    assert outlookrows.now(scene.world.records, scene.world.school, {}, scene.world.now) == {}


def test_facts_need_enough_answers_and_attitude_looks_only_ahead(world: World) -> None:
    pupil = world.pupils[0]
    world.practise(pupil, A, "-+-+-+-+-")
    few = world.records.evidence(pupil, pupil.account_id)
    assert behaviour.facts(few, world.now) == {}
    world.later(days=2)
    moment = world.now
    world.practise(pupil, A, "+")
    world.later(days=1)
    world.practise(pupil, A, "+")
    answers = world.records.evidence(pupil, pupil.account_id)
    assert behaviour.facts(answers, world.now)["answers"] == 11
    assert behaviour.attitude(answers, moment) == {"keeps_at_it": 1.0, "tries_again": 1.0}
    assert behaviour.attitude(few, moment)["keeps_at_it"] == 0.0


def test_every_head_and_fact_has_words_in_both_languages() -> None:
    heads = ("keeps_at_it", "tries_again", *(f"goal:{goal}" for goal in outlookrows.GOALS))
    assert all(set(evidence.HEADS[head]) == {"zh", "en"} for head in heads)
    assert all(evidence.reason(field, 0.5, True)["en"] for field in outlookrows.KINDS)


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """This happens while rows are read, before anything is foretold."""
    read = outlookrows.now

    def reading(*told: Any) -> Any:
        found = read(*told)
        happens()
        return found

    monkeypatch.setattr(outlookrows, "now", reading)


def test_a_teacher_who_disagrees_while_it_is_made_anew_is_heard(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.service.renew(scene.world.school)
    meanwhile(monkeypatch, lambda: scene.service.dismiss(scene.world.teacher, scene.pupil))
    assert scene.service.renew(scene.world.school) == 5
    assert scene.service.of(scene.world.teacher, scene.pupil) is None


def test_a_version_that_was_taken_back_meanwhile_foretells_nobody_more(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.service.renew(scene.world.school)
    meanwhile(monkeypatch, lambda: scene.take_back(["peers"]))
    assert scene.service.renew(scene.world.school) == 0


def test_what_rests_on_a_fact_is_gone_once_that_is_disputed_and_made_anew_without_it(scene: Scene) -> None:
    scene.agreed.purposes["suggestions"] = {scene.pupil}
    scene.service.renew(scene.world.school)
    scene.agreed.stated = Stated(disputed=("answers",))
    assert scene.service.of(scene.world.teacher, scene.pupil) is None
    assert scene.service.chances(scene.world.pupils[0], scene.pupil) == {}
    scene.service.renew(scene.world.school)
    told = scene.service.of(scene.world.teacher, scene.pupil)
    assert told is not None
    assert not any("answers in four weeks" in why["en"] for one in told.foretold for why in one.evidence)


def test_what_has_run_out_is_deleted(scene: Scene) -> None:
    scene.service.renew(scene.world.school)
    scene.world.later(days=29)
    scene.service.renew(scene.world.school, learn=False)
    with scene.world.database.read() as conn:
        assert store.foretold(conn, scene.world.school) == set()


def test_where_nothing_can_be_learnt_the_version_before_goes_on(scene: Scene) -> None:
    scene.service.renew(scene.world.school)

    def fails(job: fitting.Job) -> fitting.Fitted:
        raise errors.Unavailable("learning failed", fix="without torch: make train")

    scene.model._train = fails
    scene.world.later(days=8)
    assert scene.service.renew(scene.world.school) == 6
    with pytest.raises(errors.Unavailable, match="learning failed"):
        scene.service.renew(scene.world.school, strict=True)


def test_no_id_of_a_learner_leaves_for_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    def asked(module: str, question: bytes, **_: object) -> tuple[int, bytes]:
        told.append(json.loads(question))
        return fitting.NOTHING_TO_JUDGE, b""

    monkeypatch.setattr(children, "ask", asked)
    assert fitting.train(fitting.Job([{}, {}, {}], {}, {}, ["anna", "ben", "anna"])) is None
    assert told[0]["person"] == [0, 1, 0]


def test_a_child_that_fails_says_why_in_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "CHILD", "shuyuan.nobody")
    with pytest.raises(errors.Unavailable, match=r"No module named shuyuan\.nobody"):
        fitting.train(fitting.Job([], {}, {}, []))
