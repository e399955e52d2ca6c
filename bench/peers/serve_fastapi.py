"""FastAPI without batching: one sentence, one pass."""

import uvicorn
from fastapi import FastAPI
from sentences import PORT, Sentences, pack

app, model = FastAPI(), Sentences()


@app.post("/embed")
async def embed(body: dict[str, str]) -> dict[str, str]:
    """One sentence. In the loop itself: a thread pool on one core only adds switching."""
    return {"embedding": pack(model([body["text"]])[0])}


if __name__ == "__main__":
    uvicorn.run(app, port=PORT, log_level="warning", access_log=False)
