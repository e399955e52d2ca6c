"""The outlook model of a school as versions in the catalogue: fitted, judged, served or refused, and taken back.

A turn registers a version with its card, figures and conditions; the alias champion moves to it when a head passed the
release check. What is served are arrays (safetensors, NumPy): nothing is loaded beside them. When a learner behind the
versions takes their results back, the alias goes and so do the files; the rows stay, as what was once judged.
"""

import contextlib
from datetime import datetime, timedelta

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db, log
from shuyuan.kernel import storage as kernel_storage
from shuyuan.learning.people.interface import Profiles
from shuyuan.learning.recommendation import fitting, outlookgate, outlookrows
from shuyuan.learning.records.interface import Records
from shuyuan.maas.catalogue.interface import CHAMPION, Catalogue, LocalText, NewVersion, UnknownModel, Version
from shuyuan.science.ranking import Outlook

MODEL, RUNNER = "outlook", "outlook"
CARD = LocalText(
    zh="本校的估计：从同意的学生自己填的和近四周作答，估计接下来两周的学习态度和可能的目标。"
    "只给任课老师看，附凭据，四周失效；不用于评分、分班或处分。",
    en="This school's outlook: from what learners who agreed stated and answered in four weeks, attitude in the next "
    "two weeks and likely goals. For their teachers only, with evidence, for four weeks; not for marks, sets or "
    "discipline.",
)
RETRAIN_AFTER = timedelta(days=7)
FEWEST_LEARNERS = 20
TAKEN_BACK = "a learner behind it took their results back"
_logger = log.get("recommendation.outlooks")


class OutlookModel:
    """Makes versions of one installation's schools and hands out the one in use."""

    def __init__(
        self,
        db: db.Database,
        audit: kernel_audit.Audit,
        profiles: Profiles,
        records: Records,
        catalogue: Catalogue,
        storage: kernel_storage.Storage,
        *,
        train: fitting.Train = fitting.train,
        clock: kernel_clock.Clock = kernel_clock.now,
    ) -> None:
        self._db, self._audit, self._profiles, self._records = db, audit, profiles, records
        self._catalogue, self._storage, self._train, self._clock = catalogue, storage, train, clock

    def in_use(self, school_id: str) -> tuple[Version, Outlook] | None:
        """The champion; None where none passed, or somebody behind it took it back."""
        version = self._champion(school_id)
        return None if version is None else (version, Outlook.from_bytes(self._catalogue.artefact(version)))

    def still_serves(self, version: Version, school_id: str) -> bool:
        """Whether it is the one in use: nobody behind it took it back since."""
        champion = self._champion(school_id)
        return champion is not None and champion.id == version.id

    def serves(self, school_id: str) -> bool:
        """Whether a version is in use."""
        return self._champion(school_id) is not None

    def newest(self, school_id: str) -> Version | None:
        """The last one made, in use or refused; None where none was, or somebody behind it took it back."""
        found = next(iter(self._own(school_id)), None)
        return found if found is not None and self._storage.has(found.artefact_sha256) else None

    def overdue(self, school_id: str) -> bool:
        """Whether none was ever made, or the last is older by more than a day than it should be; where making one
        costs little."""
        if self._records.count(school_id) > kernel_clock.MOST_BY_DAY:
            return False
        newest = self.newest(school_id)
        return newest is None or self._age(newest) >= RETRAIN_AFTER + kernel_clock.OVERDUE

    def turn(self, school_id: str) -> Version | None:
        """Fit and judge a new version where it is time and enough learners agreed; what was registered.

        Raises Unavailable when it could not be fitted: the version before goes on, and the next turn tries again."""
        if self._rests(school_id):
            return None
        job = outlookrows.job(self._records, school_id, self._profiles.agreed(school_id, "peers"), self._clock())
        behind = set(job.person)
        if len(behind) < FEWEST_LEARNERS:
            return None
        fitted = self._train(job)
        if fitted is None:
            _logger.info("nothing_to_judge", school_id=school_id, learners=len(behind))
            return None
        return self._registered(school_id, fitted, behind)

    def take_back(self, school_id: str) -> None:
        """Nothing made so far is used again, and its files go. May be called twice."""
        if self._champion(school_id) is not None:
            with contextlib.suppress(UnknownModel):
                self._catalogue.remove_alias(
                    school_id, kernel_audit.SYSTEM, model=MODEL, alias=CHAMPION, reason=TAKEN_BACK
                )
        for version in self._own(school_id):
            self._storage.remove(version.artefact_sha256)

    def _champion(self, school_id: str) -> Version | None:
        with contextlib.suppress(UnknownModel):
            found = self._catalogue.resolve(school_id, f"models:/{MODEL}@{CHAMPION}")
            return found if found.school_id == school_id and found.runner == RUNNER else None
        return None

    def _own(self, school_id: str) -> list[Version]:
        """Newest first; without what a school brought under the same name."""
        every = self._catalogue.versions(school_id, MODEL)
        return [one for one in every if one.school_id == school_id and one.runner == RUNNER]

    def _rests(self, school_id: str) -> bool:
        """Whether the newest version, in use or refused, is young and still there."""
        newest = self.newest(school_id)
        return newest is not None and self._age(newest) < RETRAIN_AFTER

    def _age(self, version: Version) -> timedelta:
        return self._clock() - datetime.fromisoformat(version.lineage["fitted_at"])

    def _registered(self, school_id: str, fitted: fitting.Fitted, behind: set[str]) -> Version | None:
        """None when somebody behind it took it back meanwhile."""
        judged = outlookgate.conditions(fitted.figures)
        heads = outlookgate.kept(judged)
        whole = Outlook.from_bytes(fitted.arrays)
        arrays = (whole.only(heads) if heads else whole).to_bytes()
        new = NewVersion(
            model=MODEL,
            runner=RUNNER,
            artefact_sha256=self._storage.put(arrays),
            size_bytes=len(arrays),
            card=CARD,
            figures=outlookgate.flat(fitted.figures, len(behind)),
            lineage={"fitted_at": self._clock().isoformat()},
            spec=outlookgate.spec(judged),
        )

        def keep(uow: db.UnitOfWork) -> Version | None:
            if not behind <= self._profiles.still_agreed(uow, school_id, "peers"):
                return None
            told = {"school_id": school_id, "actor_id": kernel_audit.SYSTEM}
            version = self._catalogue.register_version(uow, version=new, **told)
            if heads:
                self._catalogue.promote(uow, model=MODEL, alias=CHAMPION, version=version.number, reason="gate", **told)
            self._audit.record(
                uow, action=f"outlook.{'promoted' if heads else 'refused'}", object_id=version.id, **told
            )
            return version

        version = self._db.write(keep)
        if version is None:
            self._storage.remove(new.artefact_sha256)
        _logger.info("outlook_judged", school_id=school_id, heads=heads, kept=version is not None)
        return version
