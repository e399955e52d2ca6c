"""Searches for settings: start one, wait for the best it finds, look at its trials."""

from collections.abc import Mapping

from shuyuan.client import types, wire
from shuyuan.client.learning import PATIENCE_S
from shuyuan.client.types import Json


class Searches:
    """`client.searches`."""

    def __init__(self, at: wire.Wire) -> None:
        self._at = at

    def get(self, search_id: str) -> types.Search:
        """By id or number."""
        return types.Search.model_validate(self._at.get(f"/api/searches/{search_id}"))

    def start(
        self,
        task: str,
        data: str,
        space: Mapping[str, Json],
        config: Json | None = None,
        *,
        trials: int = 20,
        metric: str = "",
        seed: int = 7,
        name: str = "",
    ) -> types.Search:
        """Try values of `space` over `config`.

        space: {"rate": {"low": 1e-4, "high": 0.1, "log": True}, "net": {"choices": ["gru", "lstm"]}}.
        metric: a figure of the validation part; empty: validation_loss.
        """
        run = {"task": task, "data": data, "config": dict(config or {}), "seed": seed}
        body = {"run": run, "space": dict(space), "trials": trials, "metric": metric, "name": name}
        return types.Search.model_validate(self._at.post("/api/searches", body))

    def wait(self, search: types.Search, *, timeout_s: float = PATIENCE_S) -> types.Search:
        """Until it has finished. Raises Failed, TimeoutError."""
        ended = wire.until(lambda: self.get(search.id), lambda one: one.state != "running", timeout_s)
        if ended.state != "finished":
            raise wire.failed(f"search {ended.number}", ended.state, ended.error)
        return ended

    def trials(self, search: types.Search) -> list[types.Run]:
        """Its runs, in the order they were tried."""
        return [types.Run.model_validate(one) for one in self._at.get(f"/api/searches/{search.id}/trials")]

    def cancel(self, search: types.Search) -> types.Search:
        """Stop it and the trial under way; ended trials stay."""
        return types.Search.model_validate(self._at.post(f"/api/searches/{search.id}/cancel"))

    def list(self, *, limit: int = 50) -> list[types.Search]:
        """Newest first."""
        return [types.Search.model_validate(one) for one in self._at.get("/api/searches", limit=limit)]
