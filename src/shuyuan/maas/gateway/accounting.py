"""What the gateway's books tell, and what administrators set there: usage, totals, limits, prices, live figures."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from shuyuan.identity import interface as identity_api
from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db, errors, ids
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.gateway import desk, interface, models
from shuyuan.maas.gateway.books import quota, schools, store
from shuyuan.maas.gateway.watch import metrics

_KINDS: dict[interface.Scope, Literal["account", "key", "group"]] = {
    "account": "account",
    "key": "key",
    "class": "group",
}


class Accounting:
    """The half of the gateway's service that calls no model."""

    def __init__(
        self,
        db: db.Database,
        audit: kernel_audit.Audit,
        identity: identity_api.Identity,
        schools: schools.Schools,
        desk: desk.Desk,
    ) -> None:
        self._db, self._audit, self._identity, self._schools, self.desk = db, audit, identity, schools, desk

    def models(self, school_id: str = catalogue_api.SHARED) -> list[interface.ModelStatus]:
        """See `interface.Gateway.models`. Reads the database."""
        if school_id != catalogue_api.SHARED:
            return [one.status for one in self.desk.listed(school_id)]
        return [one for one in self.desk.engine.status() if one.school_id == catalogue_api.SHARED]

    def usage(self, principal: Principal) -> list[interface.Allowance]:
        """Every quota that a call of this principal would be charged to."""
        return self.desk.usage(principal)

    def calls(self, principal: Principal, *, limit: int = 100, before: str | None = None) -> list[interface.Call]:
        """Ledger lines, newest first: an administrator sees the school, everybody else their own."""
        self.desk.flush()
        with self._db.read() as conn:
            return store.calls(
                conn, principal.school_id, account_id=_own(principal), limit=min(limit, 1000), before=before
            )

    def totals(self, principal: Principal, *, since: datetime) -> list[interface.Total]:
        """Calls and tokens per account and model; same view as `calls`."""
        self.desk.flush()
        with self._db.read() as conn:
            return store.totals(conn, principal.school_id, account_id=_own(principal), since=since)

    def set_limits(
        self,
        principal: Principal,
        scope: interface.Scope,
        scope_id: str,
        *,
        tokens: int | None,
        requests: int | None,
        streams: int | None = None,
        period: interface.Period = "day",
    ) -> interface.Allowance:
        """Change an allowance; administrators of that school only, and audited."""
        principal.require("admin")
        self._require_known(principal.school_id, scope, scope_id)
        limits, charge = quota.Limits(tokens, requests, streams), quota.Charge(scope, scope_id, None)
        term = self._schools.window(self._schools.read(principal.school_id)) if period == "term" else None

        def work(uow: db.UnitOfWork) -> interface.Allowance:
            changed = store.set_limits(uow, principal.school_id, charge, limits, period, term, zone=self._schools.zone)
            self._audit.record(
                uow,
                school_id=principal.school_id,
                actor_id=principal.account_id,
                action="quota.changed",
                object_id=scope_id,
                scope=scope,
                tokens=tokens,
                requests=requests,
                streams=streams,
                period=period,
            )
            return changed

        changed = self._db.write(work)
        self.desk.forget_allowances()
        return changed

    def limits(self, principal: Principal) -> Sequence[interface.Allowance]:
        """See `interface.Gateway.limits`."""
        principal.require("admin")
        self.desk.flush()
        with self._db.read() as conn:
            return store.allowances(conn, principal.school_id, self.desk.now(), self._schools.zone)

    def terms(self, principal: Principal) -> interface.Terms:
        """What this school has set: prices, response cache, dates of the term."""
        return self._schools.read(principal.school_id)

    def set_terms(self, principal: Principal, terms: interface.Terms) -> None:
        """Change what the school has set; administrators only, and audited."""
        principal.require("admin")
        value = schools.to_json(schools.checked(terms))
        self._require_priceable(principal.school_id, terms)
        term = self._schools.window(terms) if terms.term else None

        def work(uow: db.UnitOfWork) -> None:
            self._identity.set_setting(uow, school_id=principal.school_id, name=schools.SETTING, value=value)
            if term is not None:
                store.set_term(uow, principal.school_id, term)
            self._audit.record(
                uow,
                school_id=principal.school_id,
                actor_id=principal.account_id,
                action="quota.terms_changed",
                object_id=principal.school_id,
                cache=terms.cache,
                priced=len(terms.prices),
                term=" ".join(day.isoformat() for day in terms.term) if terms.term else "",
            )

        self._db.write(work)
        self._schools.forget()
        self.desk.forget_allowances()

    def live(self, principal: Principal) -> Sequence[interface.Moment]:
        """See `interface.Gateway.live`."""
        principal.require("admin")
        return metrics.live.moments(principal.school_id)

    def sample(self) -> None:
        """Note what runs, waits and is in memory just now, for `live`."""
        metrics.live.levels(self.desk.engine.residency().models)

    def _require_known(self, school_id: str, scope: interface.Scope, scope_id: str) -> None:
        """Raise NotFound for what is not of this school: an allowance of nobody would never be charged."""
        kind = _KINDS.get(scope)
        if not (self._identity.holds(school_id, kind, scope_id) if kind else scope_id == school_id):
            raise errors.NotFound(
                f"there is no {scope} {scope_id[: ids.LENGTH]!r} in this school",
                fix="take the id from the list of accounts, keys or classes; a class needs a member",
            )

    def _require_priceable(self, school_id: str, terms: interface.Terms) -> None:
        """Raise BadInput for a new price of what nobody can call; an old one stays though its model has gone."""
        new = terms.prices.keys() - self._schools.read(school_id).prices.keys()
        if not new:
            return
        names = {one.model for one in self.models(school_id)} | {one.name for one in models.BUILTIN}
        if unknown := sorted(new - names):
            raise errors.BadInput(
                f"a price for {unknown[0][:80]!r}: there is no such model",
                fix=f"name one of {', '.join(sorted(names))}",
            )


def _own(principal: Principal) -> str | None:
    return None if principal.role == "admin" else principal.account_id
