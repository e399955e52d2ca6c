"""One turn of the loop: consented answers → refit → report → gate → canary → version → served, or refused and kept."""

from collections.abc import Mapping
from dataclasses import asdict, replace

from shuyuan.identity.interface import Identity, Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import crypto, errors, log
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import settings as kernel_settings
from shuyuan.kernel import storage as kernel_storage
from shuyuan.learning.courses.interface import Wordings
from shuyuan.learning.improvement import candidates, dataset, fitting, store, trials
from shuyuan.learning.improvement.goingback import GoingBack
from shuyuan.learning.improvement.hours import Hours
from shuyuan.learning.improvement.interface import (
    ExamFreeze,
    LoopStatus,
    NotEnoughAnswers,
    NothingNew,
    Overtaken,
    TracerVersion,
)
from shuyuan.learning.improvement.keptanswers import KeptAnswers
from shuyuan.learning.improvement.watching import Watching
from shuyuan.learning.people.interface import People
from shuyuan.learning.records.interface import Records
from shuyuan.learning.tracing.interface import BUILT_IN, Tracing
from shuyuan.maas.catalogue.interface import CHAMPION, Catalogue
from shuyuan.science.tracing import online

TURNS_AT = 200  # new answers
_logger = log.get("improvement.service")


class ImprovementService:
    """The `Improvement` of one installation."""

    def __init__(
        self,
        db: kernel_db.Database,
        vault: crypto.Vault,
        audit: kernel_audit.Audit,
        identity: Identity,
        people: People,
        records: Records,
        tracing: Tracing,
        catalogue: Catalogue,
        storage: kernel_storage.Storage,
        settings: kernel_settings.Settings,
        wordings: Wordings,
        *,
        clock: kernel_clock.Clock = kernel_clock.now,
        fit: candidates.Fit = online.fit,
        fit_net: fitting.FitNet = fitting.fit_net,
    ) -> None:
        self._db, self._vault, self._audit, self._clock = db, vault, audit, clock
        self._people, self._records, self._tracing, self._wordings = people, records, tracing, wordings
        self._hours, self._nets_from = Hours(identity, settings.timezone, clock), settings.tracer_net_answers
        self._catalogue, self._storage, self._refit, self._fit_net = catalogue, storage, fit, fit_net
        self._too_few: dict[str, tuple[int, frozenset[str]]] = {}  # answers and who agreed, when that was not enough
        self._back = GoingBack(db, audit, tracing, catalogue, clock)
        self.watching = Watching(db, audit, people, records, tracing, clock)
        self.kept = KeptAnswers(db, storage, vault, audit, people)

    def turn(self, school_id: str, *, by: str) -> TracerVersion:
        self._hours.refuse_in_exam(school_id)
        data = self._data(school_id)
        candidates.enough(data)
        beside = self._in_use(school_id)
        made = candidates.refitted(data, self._tracing.tracer(school_id), self._wordings.of(school_id), self._refit)
        return self._turned(school_id, data, made, by, beside)

    def turn_net(self, school_id: str, *, by: str) -> TracerVersion | None:
        self._hours.refuse_in_exam(school_id)
        data = self._data(school_id)
        if not 0 < self._nets_from <= data.answers or not fitting.is_possible():
            return None
        candidates.enough(data)
        beside = self._in_use(school_id)
        made = candidates.of_a_net(data, self._tracing.tracer(school_id), self._wordings.of(school_id), self._fit_net)
        return self._turned(school_id, data, made, by, beside)

    def turn_if_due(self, school_id: str) -> TracerVersion | None:
        if self._answers_since(school_id) < TURNS_AT or self._tried(school_id):
            return None
        if self._hours.in_school() and not self._by_day(school_id):
            return None
        there = (self._records.count(school_id), self._people.consented(school_id, "improvement"))
        if self._too_few.get(school_id) == there:
            return None
        try:
            turned = self.turn(school_id, by=kernel_audit.SYSTEM)
        except (NotEnoughAnswers, NothingNew):
            self._too_few[school_id] = there  # nothing is read again until there is more, or somebody else agrees
            return None
        except (ExamFreeze, Overtaken):
            return None
        try:
            return self.turn_net(school_id, by=kernel_audit.SYSTEM) or turned
        except (errors.Unavailable, ExamFreeze, NothingNew, Overtaken) as failed:  # the refit is done; later again
            _logger.error("net_not_fitted", school=school_id, error=failed.message)
            return turned

    def judge_canary(self, school_id: str) -> TracerVersion | None:
        found = self._tried(school_id)
        if found is None or found[0].canary is None or self._hours.in_exam(school_id):
            return None
        (tried, address), at = found, self._clock()
        agreed = self._people.consented(school_id, "improvement")
        told = [one for one in self._tracing.foretold(school_id, tried.version) if one.learner_id in agreed]
        trial = trials.so_far(found[0].canary, told)
        conditions = trials.conditions(trial, told, at)
        passed = all(condition.passed for condition in conditions)
        decided = bool(conditions) and not (passed and self._hours.in_school())
        failed = ", ".join(condition.name for condition in conditions if not condition.passed)
        weights = self._storage.get(address) if decided and passed else b""

        def work(uow: kernel_db.UnitOfWork) -> bool:
            now = store.in_state(uow.conn, school_id, "canary")
            if now is None or now[0].id != tried.id:  # somebody chose another version meanwhile
                return False
            store.change(uow, school_id, tried.id, canary=store.trial_row(trial))
            if not decided:
                return False
            every = [asdict(one) for one in (*tried.conditions, *conditions)]
            store.change(uow, school_id, tried.id, conditions=every)
            self._record(uow, school_id, kernel_audit.SYSTEM, f"tracer.{'promoted' if passed else 'withdrawn'}", tried)
            if passed:
                self._serve(uow, school_id, tried, weights, kernel_audit.SYSTEM, "canary")
            else:
                store.withdraw(uow, school_id, failed)
                self._tracing.end_canary(uow, school_id)
            return True

        if not self._db.write(work):
            return None
        if passed:
            self._tracing.rebuild(school_id)
        else:
            self._tracing.tidy(school_id)
        return self._one(school_id, tried.id)[0]

    def keep_promises(self, school_id: str) -> None:
        agreed = self._people.consented(school_id, "improvement")

        def work(uow: kernel_db.UnitOfWork) -> None:
            left = self._tracing.keep_in_canary(uow, school_id, agreed)
            found = store.in_state(uow.conn, school_id, "canary")
            if left is not None and found is not None and found[0].canary is not None:
                trial = replace(found[0].canary, learners=left)
                store.change(uow, school_id, found[0].id, canary=store.trial_row(trial))

        self._db.write(work)

    def versions(self, principal: Principal) -> list[TracerVersion]:
        principal.require("admin", "teacher", "developer")
        with self._db.read() as conn:
            return store.newest_first(conn, principal.school_id)

    def served_before(self, principal: Principal) -> Mapping[str, str]:
        principal.require("admin", "teacher", "developer")
        return self._back.served_before(principal.school_id)

    def version(self, principal: Principal, version_id: str) -> TracerVersion:
        principal.require("admin", "teacher", "developer")
        return self._one(principal.school_id, version_id)[0]

    def status(self, principal: Principal) -> LoopStatus:
        principal.require("admin", "teacher", "developer")
        school_id = principal.school_id
        return LoopStatus(
            self._tracing.version(school_id),
            self._answers_since(school_id),
            TURNS_AT,
            self._hours.window,
            self._nets_from if fitting.is_possible() else 0,
            self._tracing.tracer(school_id).kind,
        )

    def roll_back(self, principal: Principal, version_id: str, reason: str) -> TracerVersion:
        principal.require("admin")
        self._hours.refuse_in_exam(principal.school_id)
        if not reason.strip():
            raise errors.BadInput("no reason was given", fix="say in a sentence why this version shall be used")
        if version_id == BUILT_IN:
            return self._back.to_built_in(principal, reason.strip()[:400])
        found, address = self._one(principal.school_id, version_id)
        if found.state == "champion":
            raise errors.Conflict(f"version {found.number} is in use already", fix="choose another version")
        weights = self._storage.get(address)

        def work(uow: kernel_db.UnitOfWork) -> None:
            self._record(uow, principal.school_id, principal.account_id, "tracer.chosen", found, was=found.state)
            self._serve(uow, principal.school_id, found, weights, principal.account_id, reason.strip()[:500])

        self._db.write(work)
        self._tracing.rebuild(principal.school_id)
        return self._one(principal.school_id, version_id)[0]

    def _turned(
        self, school_id: str, data: dataset.DataSet, made: candidates.Candidate, by: str, beside: str | None
    ) -> TracerVersion:
        """Keep its answers, register what was made, and let it begin. beside: what was in use when it was judged."""
        self._hours.refuse_in_exam(school_id)  # one may have begun while it was fitted
        try:
            if made.passed:  # answers of every night would fill a disk: of a refused one only the hash is kept
                self.kept.keep(school_id, data.raw)
            turned = self._registered(school_id, data, made, by, beside)
        except Exception:
            self.kept.let_go(school_id, data.sha256)
            raise
        if made.passed:
            self.kept.keep_promises(school_id)  # somebody may have said no while it was fitted
        if turned.state == "champion":
            self._tracing.rebuild(school_id)
        elif turned.state == "canary":
            self._tracing.fill_canary(school_id)
        return self._one(school_id, turned.id)[0]

    def _registered(
        self, school_id: str, data: dataset.DataSet, made: candidates.Candidate, by: str, beside: str | None
    ) -> TracerVersion:
        """Serve it, try it, or keep it refused."""
        addresses = data.sha256, self._storage.put(made.weights)
        agreed = self._people.consented(school_id, "improvement")
        answering = frozenset(self._records.learners(school_id))
        parent, seen = self._tracing.version(school_id), self._records.count(school_id)

        def work(uow: kernel_db.UnitOfWork) -> TracerVersion:
            champion = store.in_state(uow.conn, school_id, "champion")
            if (None if champion is None else champion[0].id) != beside:
                raise Overtaken("another version was put in use while this one was fitted", fix="turn again")
            if same := store.same(uow.conn, school_id, *addresses):
                raise NothingNew(f"it would be version {same} again", fix="turn again when there are new answers")
            registered = self._catalogue.register_version(
                uow,
                school_id=school_id,
                actor_id=by,
                version=made.registered(addresses[1], {"data_sha256": addresses[0], "parent": parent}),
            )
            turned = store.add(
                uow,
                school_id,
                addresses[1],
                number=store.next_number(uow.conn, school_id),
                version=registered.uri,
                state="refused",
                answers=data.answers,
                learners=data.learners,
                left_out=len(answering - agreed),
                seen=seen,
                data_sha256=addresses[0],
                parent=parent,
                figures=made.figures,
                conditions=[asdict(condition) for condition in made.conditions],
                reason="gate" if made.passed else made.refusal,
                by=by,
                seconds=made.seconds,
                kind=made.tracer.kind,
                reference=made.reference,
            )
            if not made.passed:
                self._record(uow, school_id, by, "tracer.refused", turned)
            elif made.tracer.net is None and not store.has_served(uow.conn, school_id):
                self._record(uow, school_id, by, "tracer.promoted", turned)
                self._serve(uow, school_id, turned, made.weights, by, "gate")
            else:
                self._record(uow, school_id, by, "tracer.tried", turned)
                self._try(uow, school_id, turned, made.weights, trials.chosen(agreed & answering, turned.version))
            return turned

        return self._one(school_id, self._db.write(work).id)[0]

    def _by_day(self, school_id: str) -> bool:
        """A night was missed, it costs little, and what passes goes on trial only: nothing a class meets changes."""
        with self._db.read() as conn:
            last = store.newest_first(conn, school_id)[:1] if store.has_served(conn, school_id) else []
        late = bool(last) and self._clock() - last[0].at >= 2 * kernel_clock.OVERDUE
        return late and self._records.count(school_id) <= kernel_clock.MOST_BY_DAY

    def _in_use(self, school_id: str) -> str | None:
        """The turn whose version serves; None: the built-in tracer does."""
        with self._db.read() as conn:
            found = store.in_state(conn, school_id, "champion")
        return None if found is None else found[0].id

    def _data(self, school_id: str) -> dataset.DataSet:
        agreed = self._people.consented(school_id, "improvement")
        return dataset.build(self._vault, self._records.history(school_id, agreed))

    def _try(
        self, uow: kernel_db.UnitOfWork, school_id: str, version: TracerVersion, weights: bytes, learners: list[str]
    ) -> None:
        store.withdraw(uow, school_id, store.CHANGED)
        trial = store.trial_row(trials.begun(self._clock(), len(learners)))
        store.change(uow, school_id, version.id, state="canary", canary=trial)
        self._tracing.begin_canary(uow, school_id, version.version, weights, learners)

    def _serve(
        self, uow: kernel_db.UnitOfWork, school_id: str, chosen: TracerVersion, weights: bytes, by: str, reason: str
    ) -> None:
        store.crown(uow, school_id, chosen.id, reason)
        self._catalogue.promote(
            uow,
            school_id=school_id,
            actor_id=by,
            model=candidates.MODEL,
            alias=CHAMPION,
            version=int(chosen.version.rpartition("/")[2]),
            reason=reason,
        )
        self._tracing.adopt(uow, school_id, chosen.version, weights)
        self._tracing.end_canary(uow, school_id)

    def _record(
        self, uow: kernel_db.UnitOfWork, school_id: str, by: str, action: str, version: TracerVersion, **more: str
    ) -> None:
        told: dict[str, str | int] = {"number": version.number, **(more or {"answers": version.answers})}
        self._audit.record(uow, school_id=school_id, actor_id=by, action=action, object_id=version.id, **told)

    def _tried(self, school_id: str) -> tuple[TracerVersion, str] | None:
        with self._db.read() as conn:
            return store.in_state(conn, school_id, "canary")

    def _answers_since(self, school_id: str) -> int:
        with self._db.read() as conn:
            return max(0, self._records.count(school_id) - store.seen_by_last(conn, school_id))

    def _one(self, school_id: str, version_id: str) -> tuple[TracerVersion, str]:
        with self._db.read() as conn:
            found = store.one(conn, school_id, version_id)
        if found is None:
            raise errors.NotFound(f"no tracer version {version_id}", fix="choose one of the list")
        return found
