"""The client: one connection, and a room for each part of a model's life."""

from types import TracebackType

from shuyuan.client import learning, searching, serving, wire


class Client:
    """A school on a Shuyuan server, as the owner of an API key sees it.

    base_url: where the server answers, without a path.  api_key: with the scopes models and, to deploy, admin.
    """

    def __init__(self, base_url: str, api_key: str, *, timeout_s: float = wire.TIMEOUT_S) -> None:
        self._wire = wire.Wire(base_url, api_key, timeout_s=timeout_s)
        self.datasets = learning.DataSets(self._wire)
        self.runs = learning.Runs(self._wire)
        self.searches = searching.Searches(self._wire)
        self.reports = learning.Reports(self._wire)
        self.gates = learning.Gates(self._wire)
        self.models = serving.Models(self._wire)
        self.pipelines = serving.Pipelines(self._wire)

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
