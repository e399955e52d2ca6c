"""LitServe with its own batching."""

import litserve
from sentences import BATCH, PORT, Sentences, pack


class Api(litserve.LitAPI):
    """`predict` receives a list when batches are larger than one."""

    def setup(self, device: str) -> None:
        self.model = Sentences()

    def decode_request(self, request: dict[str, str]) -> str:
        return request["text"]

    def batch(self, inputs: list[str]) -> list[str]:
        return inputs

    def predict(self, x):  # a text, or a list of texts
        return self.model(x) if isinstance(x, list) else self.model([x])[0]

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output) -> dict[str, str]:
        return {"embedding": pack(output)}


if __name__ == "__main__":
    api = Api(max_batch_size=BATCH, batch_timeout=0.005 if BATCH > 1 else 0.0, api_path="/embed")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=PORT, generate_client_file=False, log_level="warning")
