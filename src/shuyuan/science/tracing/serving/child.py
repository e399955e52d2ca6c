"""The main of a child process that trains the recurrent tracer: answers in, safetensors out. It alone knows torch.

`python -m shuyuan.science.tracing.serving.child` reads JSON from standard input, `rows` of [learner, item, points,
correct, seconds] in time order and `seed`, and writes to standard output; nothing touches a disk.
"""

import json
import sys

from shuyuan.science.tracing.interactions import Answer, Interactions
from shuyuan.science.tracing.serving import tracer

REFUSED = 64


def main() -> int:
    """Exit code of the process."""
    job = json.load(sys.stdin)
    try:
        weights = trained(Interactions.of(Answer(*row) for row in job["rows"]), job["seed"])
    except ValueError as wrong:
        print(wrong, file=sys.stderr)
        return REFUSED
    sys.stdout.buffer.write(weights)
    return 0


def trained(table: Interactions, seed: int) -> bytes:
    """safetensors of a tracer that can be served. Raises ValueError."""
    import torch  # once there is something to learn from

    from shuyuan.science.tracing.neural import recurrent

    torch.set_num_threads(1)
    weights = tracer.write(recurrent.fit(table, seed=seed).to_arrays())
    tracer.read(weights)
    return weights


if __name__ == "__main__":
    sys.exit(main())
