"""Bare ONNX Runtime on the pinned core: seconds a sentence for single sentences and for length-sorted batches.

Reads {"texts": [...], "batches": [...], "seconds": s} on standard input; prints {"per_s": {batch: sentences/s}}.
"""

import json
import sys
import time

from sentences import Sentences, pack


def main() -> None:
    """Measure each batch size for the same time, after one pass to warm up."""
    asked = json.load(sys.stdin)
    texts, model = sorted(asked["texts"], key=len), Sentences()
    vectors = {text: pack(model([text])[0]) for text in texts}
    per_s = {}
    for batch in asked["batches"]:
        done, began = 0, time.perf_counter()
        while time.perf_counter() - began < asked["seconds"]:
            for at in range(0, len(texts), batch):
                model(texts[at : at + batch])
            done += len(texts)
        per_s[str(batch)] = done / (time.perf_counter() - began)
    json.dump({"per_s": per_s, "vectors": vectors}, sys.stdout)


if __name__ == "__main__":
    main()
