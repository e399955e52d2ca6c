"""Usage: who uses what? Calls and tokens by day, model and account; allowances, and how to change them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal, Role
from shuyuan.kernel import errors
from shuyuan.maas.gateway.interface import Allowance, Period, Price, Scope, Terms, Total
from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.reading import Reader

SEE_OTHER = 303
SPANS = (1, 7, 30)  # days one may look at
PERIODS: tuple[Period, ...] = ("day", "month", "term")
CALLS_SHOWN, ACCOUNTS_SHOWN = 20, 40
LARGEST, MOST_PRICES = 2**31 - 1, 200
NOTICES = ("limits_set", "terms_set")


@dataclass(frozen=True)
class Sum:
    """Calls and tokens of a day, a model or an account. share: of the largest one, 0..1."""

    name: str
    requests: int
    tokens: int
    share: float = 0.0
    day: datetime | None = None


@dataclass(frozen=True)
class Holder:
    """Whose allowance it is. value: as the form says it; role: of a person."""

    scope: Scope
    id: str
    value: str
    role: Role | None = None


def router(needs: OfficeNeeds) -> APIRouter:
    """`/admin/usage`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/admin/usage")
    def usage(request: Request, reader: Reader, days: int = 7, notice: str = "", who: str = "") -> Response:
        span = days if days in SPANS else 7
        of = _holder(needs, reader, who)
        return _page(needs, request, reader, span, notice if notice in NOTICES else "", None, of)

    @api.post("/admin/usage/limits")
    def limits(
        request: Request,
        reader: Reader,
        who: Annotated[str, Form()] = "",
        tokens: Annotated[str, Form()] = "",
        requests: Annotated[str, Form()] = "",
        streams: Annotated[str, Form()] = "",
        period: Annotated[str, Form()] = "",
    ) -> Response:
        of = _holder(needs, reader, who)
        try:
            needs.gateway.set_limits(
                reader,
                of.scope,
                of.id,
                tokens=_limit(tokens),
                requests=_limit(requests),
                streams=_limit(streams),
                period=_period(needs, reader, of, period),
            )
        except errors.BadInput as wrong:
            return _page(needs, request, reader, 7, "", wrong, of)
        return RedirectResponse(f"/admin/usage?notice=limits_set{f'&who={of.value}' if of.value else ''}", SEE_OTHER)

    @api.post("/admin/usage/terms")
    def terms(
        request: Request,
        reader: Reader,
        first: Annotated[str, Form()] = "",
        last: Annotated[str, Form()] = "",
        currency: Annotated[str, Form()] = "",
        prices: Annotated[str, Form()] = "",
        cache: Annotated[str, Form()] = "",
    ) -> Response:
        before = needs.gateway.terms(reader)
        try:
            wanted = Terms(
                currency.strip() or before.currency,
                _prices(prices),
                cache == "on",
                before.cache_ttl_s,
                _term(first, last),
            )
            needs.gateway.set_terms(reader, wanted)
        except errors.BadInput as wrong:
            return _page(needs, request, reader, 7, "", wrong, _holder(needs, reader, ""))
        return RedirectResponse("/admin/usage?notice=terms_set", SEE_OTHER)

    return api


def by_day(totals_since: list[tuple[datetime, list[Total]]]) -> list[Sum]:
    """Sums per day from totals since each midnight, oldest first: a day is what came since, less what came after."""
    days: list[Sum] = []
    after_requests = after_tokens = 0
    for midnight, totals in reversed(totals_since):
        requests, tokens = sum(one.requests for one in totals), sum(_tokens(one) for one in totals)
        days.append(Sum("", requests - after_requests, tokens - after_tokens, day=midnight))
        after_requests, after_tokens = requests, tokens
    return _shared(days[::-1])


def _page(
    needs: OfficeNeeds,
    request: Request,
    reader: Principal,
    span: int,
    notice: str,
    trouble: errors.ShuyuanError | None,
    of: Holder,
) -> Response:
    today = datetime.now(needs.shell.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    midnights = [today - timedelta(days=back) for back in range(span - 1, -1, -1)]
    since = [(midnight, needs.gateway.totals(reader, since=midnight)) for midnight in midnights]
    totals = since[0][1]
    names = {one.id: one.name for one in needs.identity.accounts(reader)}
    school = next((one for one in needs.gateway.usage(reader) if one.scope == "school"), None)
    return needs.shell.show(
        request,
        "admin/usage.html",
        principal=reader,
        here="usage",
        notice=notice,
        trouble=trouble,
        span=span,
        status=trouble.status if trouble else 200,
        spans=SPANS,
        periods=PERIODS,
        days=by_day(since),
        names=names,
        requests=sum(one.requests for one in totals),
        tokens=sum(_tokens(one) for one in totals),
        models=_grouped(totals, by="model"),
        accounts=_grouped(totals, by="account_id")[:ACCOUNTS_SHOWN],
        school=school,
        of=of.value,
        holders=_holders(needs, reader, names),
        limits=_allowance(needs, reader, of),
        share=_share(school),
        terms=needs.gateway.terms(reader),
        cost=sum(one.cost_micros for one in totals),
        calls=needs.gateway.calls(reader, limit=CALLS_SHOWN),
    )


def _period(needs: OfficeNeeds, reader: Principal, of: Holder, wanted: str) -> Period:
    """The period one chose; else the allowance keeps the one it has."""
    if wanted in PERIODS:
        return "month" if wanted == "month" else "term" if wanted == "term" else "day"
    known = _allowance(needs, reader, of)
    return known.period if known else "day"


def _allowance(needs: OfficeNeeds, reader: Principal, of: Holder) -> Allowance | None:
    """The limits of one person, class or key, or of the school."""
    if of.scope in ("class", "key"):  # they have none until an administrator sets one
        known = needs.gateway.limits(reader)
    else:
        known = needs.gateway.usage(Principal(of.id, reader.school_id, of.role) if of.role else reader)
    return next((one for one in known if (one.scope, one.scope_id) == (of.scope, of.id)), None)


def _holder(needs: OfficeNeeds, reader: Principal, who: str) -> Holder:
    """Whom a value of the form means. Raises NotFound for an account that is not here."""
    scope, _, id_ = who.rpartition(":")
    if scope == "class":
        return Holder("class", id_, who)
    if scope == "key":
        return Holder("key", id_, who)
    if not who:
        return Holder("school", reader.school_id, "")
    account = needs.identity.account(reader, who)
    return Holder("account", account.id, who, account.role)


def _holders(needs: OfficeNeeds, reader: Principal, names: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
    """What an allowance may be of, by group: (value, name)."""
    living = [one for one in needs.identity.school_keys(reader) if one.revoked_at is None]
    return {
        "classes": [(f"class:{one.id}", one.name) for one in needs.people.classes(reader)],
        "people": list(names.items()),
        "keys": [(f"key:{one.id}", f"{one.name} ({names.get(one.account_id, one.prefix)})") for one in living],
    }


def _grouped(totals: list[Total], *, by: str) -> list[Sum]:
    found: dict[str, Sum] = {}
    for one in totals:
        name = one.model if by == "model" else one.account_id
        before = found.get(name, Sum(name, 0, 0))
        found[name] = Sum(name, before.requests + one.requests, before.tokens + _tokens(one))
    return _shared(sorted(found.values(), key=lambda one: -one.tokens))


def _shared(sums: list[Sum]) -> list[Sum]:
    largest = max((one.tokens for one in sums), default=0) or 1
    return [Sum(one.name, one.requests, one.tokens, one.tokens / largest, one.day) for one in sums]


def _share(allowance: Allowance | None) -> float:
    if allowance is None or not allowance.tokens_limit:
        return 0.0
    return min(1.0, (allowance.tokens_used + allowance.tokens_reserved) / allowance.tokens_limit)


def _tokens(total: Total) -> int:
    return total.prompt_tokens + total.completion_tokens


def _limit(text: str) -> int | None:
    """A number of the form; empty is unlimited."""
    plain = text.replace(",", "").replace(" ", "").strip()
    if not plain:
        return None
    if not (plain.isascii() and plain.isdigit()) or int(plain) > LARGEST:
        raise errors.BadInput(f"{text[:20]!r} is no allowance", fix=f"give 0 to {LARGEST}, or nothing for unlimited")
    return int(plain)


def _term(first: str, last: str) -> tuple[date, date] | None:
    """Two dates of the form; both empty: no term."""
    if not first and not last:
        return None
    try:
        return date.fromisoformat(first), date.fromisoformat(last)
    except ValueError as wrong:
        raise errors.BadInput(f"{first[:20]!r} to {last[:20]!r} is no term", fix="give two dates") from wrong


def _prices(text: str) -> dict[str, Price]:
    """Lines of the form: model, price in, price out."""
    lines = [line.split() for line in text.splitlines() if line.strip()][: MOST_PRICES + 1]
    try:
        return {model: Price(float(into), float(out)) for model, into, out in lines}
    except ValueError as wrong:
        raise errors.BadInput(
            f"{text[:40]!r} is no list of prices", fix="write a line a model: name, price in, price out"
        ) from wrong
