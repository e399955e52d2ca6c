"""What is left and what was used: `/v1/usage` for clients, `/api/usage` and `/api/quotas` for pages."""

import dataclasses
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock, ids
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.books import schools
from shuyuan.maas.gateway.routes import common
from shuyuan.maas.gateway.routes.common import Json
from shuyuan.maas.gateway.service import GatewayService


class _Body(BaseModel):
    """Without unknown fields: a word mistyped must not lift a limit."""

    model_config = ConfigDict(extra="forbid")


class Limits(_Body):
    """New limits of one scope; null is unlimited, and has to be said."""

    tokens: int | None = Field(ge=0, le=2**31 - 1)
    requests: int | None = Field(ge=0, le=2**31 - 1)
    streams: int | None = Field(None, ge=0, le=10_000, description="Calls running at once.")
    period: interface.Period = "day"


class PriceOf(_Body):
    """Of 1,000 tokens."""

    input: float = Field(0.0, ge=0)
    output: float = Field(0.0, ge=0)


class TermsOf(_Body):
    """What a school has set for its calls; what is left out stays as it is, every model's price too."""

    currency: str = "CNY"
    prices: dict[str, PriceOf | None] = Field(default_factory=dict, description="Model → price; null takes it away.")
    cache: bool = Field(False, description="Keep answers to deterministic requests.")
    cache_ttl_s: float = 3600.0
    term: tuple[date, date] | None = Field(None, description="First and last day.")


def router(gateway: GatewayService) -> APIRouter:
    """Usage and limits."""
    api = APIRouter()
    api.include_router(_mine(gateway))
    api.include_router(_pages(gateway))
    return api


def _mine(gateway: GatewayService) -> APIRouter:
    api, known = common.openai_router("Usage"), common.knower(gateway.desk)

    @api.get("/usage")
    def usage(request: Request, principal: Principal = Depends(known)) -> Response:
        """My allowances and what is left of them."""
        request.state.allowances = tuple(gateway.usage(principal))
        return common.answer(
            request, {"object": "usage", "allowances": [_allowance(a) for a in request.state.allowances]}
        )

    return api


def _pages(gateway: GatewayService) -> APIRouter:
    api = APIRouter(prefix="/api", tags=["Usage"])

    @api.get("/usage")
    def usage(days: int = Query(7, ge=1, le=366), principal: Principal = Depends(caller)) -> Json:
        """Allowances and totals: an administrator sees the school, everybody else their own."""
        since = clock.now() - timedelta(days=days)
        return {
            "allowances": [_allowance(a) for a in gateway.usage(principal)],
            "totals": [dataclasses.asdict(t) for t in gateway.totals(principal, since=since)],
        }

    @api.get("/usage/calls")
    def calls(
        limit: int = Query(100, ge=1, le=1000),
        before: str | None = Query(None, max_length=ids.LENGTH),
        principal: Principal = Depends(caller),
    ) -> Json:
        """Ledger lines, newest first; `before` is the id of the last one seen."""
        found = gateway.calls(principal, limit=limit, before=before)
        return {"calls": [dataclasses.asdict(call) for call in found]}

    @api.get("/quotas")
    def limits(principal: Principal = Depends(caller)) -> Json:
        """Every allowance of the school that was set or used."""
        return {"quotas": [_allowance(one) for one in gateway.limits(principal)]}

    @api.put("/quotas/{scope}/{scope_id}")
    def set_limits(
        scope: interface.Scope,
        scope_id: Annotated[str, Path(max_length=ids.LENGTH)],
        limits: Limits,
        principal: Principal = Depends(caller),
    ) -> Json:
        """Change an allowance."""
        return _allowance(
            gateway.set_limits(
                principal,
                scope,
                scope_id,
                tokens=limits.tokens,
                requests=limits.requests,
                streams=limits.streams,
                period=limits.period,
            )
        )

    @api.get("/terms")
    def terms(principal: Principal = Depends(caller)) -> Json:
        """Prices, response cache and term of this school."""
        return schools.to_json(gateway.terms(principal))

    @api.put("/terms")
    def set_terms(wanted: TermsOf, principal: Principal = Depends(caller)) -> Json:
        """Change them."""
        changes = {name: getattr(wanted, name) for name in wanted.model_fields_set}
        before = gateway.terms(principal)
        if "prices" in changes:
            told = {name: one and interface.Price(one.input, one.output) for name, one in wanted.prices.items()}
            changes["prices"] = {name: price for name, price in {**before.prices, **told}.items() if price}
        terms = dataclasses.replace(before, **changes)
        gateway.set_terms(principal, terms)
        return schools.to_json(terms)

    return api


def _allowance(allowance: interface.Allowance) -> Json:
    return dataclasses.asdict(allowance) | {
        "starts_at": allowance.starts_at.isoformat() if allowance.starts_at else None,
        "resets_at": allowance.resets_at.isoformat(),
        "tokens_left": allowance.tokens_left,
        "requests_left": allowance.requests_left,
        "streams_left": allowance.streams_left,
    }
