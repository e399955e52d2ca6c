"""Hold what was counted against the rules of a deployment."""

from typing import Any

from sqlalchemy import Connection, Row

from shuyuan.maas.deployment import bounds, interface, routing, store
from shuyuan.maas.deployment.tally import STRETCHES, counts_of


def standing(conn: Connection, row: Row[Any], at_s: float) -> list[interface.Standing]:  # Any: the row's columns
    """Champion, canary and shadow within the window."""
    found = _counts(conn, row, at_s)
    champion = counts_of(found["champion"]) if "champion" in found else bounds.Counts()
    return [_standing(part, found[part], champion) for part in ("champion", "canary", "shadow") if part in found]


def judged(conn: Connection, row: Row[Any], at_s: float) -> str | None:
    """Why the canary must be taken back; None: nothing says that it must."""
    rules = interface.Rules.model_validate(row.rules)
    found = _counts(conn, row, at_s)
    canary = counts_of(found["canary"]) if "canary" in found else bounds.Counts()
    if canary.calls < rules.min_calls:
        return None
    low, high = bounds.error_rate(canary)
    if low > rules.max_error_rate:
        return (
            f"{canary.errors} of {canary.calls} calls failed: between {low:.1%} and {high:.1%}, "
            f"more than {rules.max_error_rate:.1%}"
        )
    champion = counts_of(found["champion"]) if "champion" in found else bounds.Counts()
    if min(canary.timed, champion.timed) < rules.min_calls:
        return None
    ratio = bounds.latency_ratio(canary, champion)
    if ratio is not None and ratio[0] > rules.max_latency_ratio:
        return (
            f"an answer takes {ratio[0]:.2f} to {ratio[1]:.2f} times as long as the champion's, "
            f"more than {rules.max_latency_ratio:g}"
        )
    return None


def _counts(conn: Connection, row: Row[Any], at_s: float) -> Any:  # Any: part → row of sums
    window_s = interface.Rules.model_validate(row.rules).window_s
    since = routing.bucket(window_s, at_s) - STRETCHES + 1
    return store.counts(conn, row.school_id, row.started, since)


def _standing(part: Any, sums: Row[Any], champion: bounds.Counts) -> interface.Standing:  # Any: checked by pydantic
    counts = counts_of(sums)
    return interface.Standing(
        version=sums.version,
        part=part,
        calls=counts.calls,
        errors=counts.errors,
        error_rate=bounds.error_rate(counts),
        latency_s=bounds.typical_s(counts),
        latency_ratio=None if part == "champion" else bounds.latency_ratio(counts, champion),
        compared=sums.compared or 0,
        agreed=sums.agreed or 0,
    )
