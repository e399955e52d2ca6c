"""BentoML with adaptive batching."""

import bentoml
from sentences import BATCH, Sentences, pack


@bentoml.service(workers=1, traffic={"timeout": 120, "max_concurrency": 512})
class Embedder:
    """One worker; batches across requests."""

    def __init__(self) -> None:
        self.model = Sentences()

    @bentoml.api(batchable=True, max_batch_size=BATCH, max_latency_ms=60_000)
    def embed(self, texts: list[str]) -> list[str]:
        """Vectors as base64."""
        return [pack(row) for row in self.model(texts)]
