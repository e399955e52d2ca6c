"""Ray Serve with `serve.batch`."""

import time

import ray
from ray import serve
from sentences import BATCH, PORT, Sentences, pack
from starlette.requests import Request


@serve.deployment(max_ongoing_requests=512, ray_actor_options={"num_cpus": 0})
class Embedder:
    """One replica; requests wait up to 5 ms for company."""

    def __init__(self) -> None:
        self.model = Sentences()

    @serve.batch(max_batch_size=BATCH, batch_wait_timeout_s=0.005 if BATCH > 1 else 0.0)
    async def embed(self, texts: list[str]) -> list[str]:
        """Vectors as base64."""
        return [pack(row) for row in self.model(texts)]

    async def __call__(self, request: Request) -> dict[str, str]:
        return {"embedding": await self.embed((await request.json())["text"])}


if __name__ == "__main__":
    ray.init(num_cpus=1, include_dashboard=False, configure_logging=True, logging_level="ERROR", log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": PORT})
    serve.run(Embedder.bind(), route_prefix="/embed")
    while True:
        time.sleep(60)
