"""What speaks for a version: verdicts on record, their doubts, and administrators who decide without."""

from shuyuan.identity import interface as identity_api
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.deployment import checks
from shuyuan.maas.evaluation import interface as evaluation_api

_RANK: tuple[evaluation_api.Doubt, ...] = ("", "other_gate", "gate_changed", "other_champion")  # the mildest first


class Proofs:
    """Asks evaluation and identity; keeps nothing itself."""

    def __init__(self, identity: identity_api.Identity, evaluation: evaluation_api.Evaluation | None) -> None:
        self._identity, self._evaluation = identity, evaluation

    def verdict(self, school_id: str, verdict_id: str | None) -> evaluation_api.Verdict | None:
        """What a gate said, by its id. Raises NotFound."""
        if verdict_id is None:
            return None
        if self._evaluation is None:
            raise errors.NotFound(f"there is no verdict {verdict_id[:64]!r}", fix="leave it out, and give a reason")
        return self._evaluation.verdict(school_id, verdict_id)

    def on_record(
        self, school_id: str, candidate: catalogue_api.Version, verdict: evaluation_api.Verdict | None
    ) -> evaluation_api.Verdict | None:
        """The verdict as it is on record, of this version or of what it was registered from. Raises BadInput."""
        if verdict is None or self._evaluation is None or not verdict.id:
            return None if verdict is None else checks.of_candidate(verdict, candidate)
        return checks.of_candidate(self._evaluation.verdict(school_id, verdict.id), candidate)

    def doubt(
        self,
        school_id: str,
        verdict: evaluation_api.Verdict | None,
        candidate: catalogue_api.Version,
        champion: catalogue_api.Version | None,
    ) -> evaluation_api.Doubt:
        """Why a verdict does not speak for it; of one that did not pass it is not asked."""
        if verdict is None or not verdict.passed or self._evaluation is None:
            return ""
        other = champion.uri if champion is not None and champion.id != candidate.id else None
        task = str(candidate.spec.get("task", ""))
        return self._evaluation.doubt(school_id, verdict, task=task, champion=other)

    def require_trial(
        self,
        school_id: str,
        actor_id: str,
        candidate: catalogue_api.Version,
        champion: catalogue_api.Version | None,
        reason: str,
        *,
        automatic: bool,
    ) -> None:
        """Raise GateNotPassed unless a verdict on record speaks for it, or an administrator says why it is tried."""
        verdict = self._best(school_id, candidate, champion)
        owner = actor_id == kernel_audit.SYSTEM and not automatic  # of this machine, at its command line
        admin = owner or self.is_admin(school_id, actor_id)
        doubt = self.doubt(school_id, verdict, candidate, champion)
        checks.serving_reason(verdict, doubt, reason, by_admin=admin, automatic=automatic)

    def is_admin(self, school_id: str, account_id: str) -> bool:
        """Whether this account is an administrator of the school, and still active."""
        asks = identity_api.Principal(kernel_audit.SYSTEM, school_id, "admin")
        try:
            found = self._identity.account(asks, account_id)
        except errors.NotFound:
            return False
        return found.active and found.role == "admin"

    def spoken(
        self, school_id: str, candidate: catalogue_api.Version, champion: catalogue_api.Version | None
    ) -> evaluation_api.Verdict | None:
        """See Deployments.spoken."""
        every = self._verdicts(school_id, candidate)
        last = max(every, key=lambda one: one.id, default=None)  # ids are in the order of time
        if last is not None and not last.passed:
            return last
        return self._best(school_id, candidate, champion)

    def _best(
        self, school_id: str, candidate: catalogue_api.Version, champion: catalogue_api.Version | None
    ) -> evaluation_api.Verdict | None:
        """The passed verdict on record that is least in doubt; None: it passed none."""
        found = [one for one in self._verdicts(school_id, candidate) if one.passed]
        return min(found, key=lambda one: _RANK.index(self.doubt(school_id, one, candidate, champion)), default=None)

    def _verdicts(self, school_id: str, candidate: catalogue_api.Version) -> list[evaluation_api.Verdict]:
        """What gates said of it, or of the run whose file it is."""
        if self._evaluation is None:
            return []
        asked = self._evaluation
        reports = [one for of in checks.subjects(candidate) for one in asked.reports(school_id, subject=of)]
        return [one for report in reports for one in asked.verdicts(school_id, report.id)]
