"""MLServer with adaptive batching: a custom runtime over the Open Inference Protocol."""

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from sentences import Sentences, pack


class Embedder(MLModel):
    """Batches are concatenated along the first axis by the server."""

    async def load(self) -> bool:
        self.model_ = Sentences()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        texts = StringCodec.decode_input(payload.inputs[0])
        rows = [pack(row) for row in self.model_(texts)]
        output = StringCodec.encode_output("embedding", rows)
        return InferenceResponse(model_name=self.name, outputs=[output])
