"""The main of a child process that trains the recurrent tracer: answers in, safetensors out. It alone knows torch.

`python -m shuyuan.science.tracing.serving.child` reads JSON from standard input, `rows` of [learner, item, points,
correct, seconds] in time order and `seed`, and writes to standard output; nothing touches a disk.
"""

import json
import sys

import torch

from shuyuan.science.tracing.interactions import Answer, Interactions
from shuyuan.science.tracing.neural import recurrent
from shuyuan.science.tracing.serving import tracer

REFUSED = 64


def main() -> int:
    """Exit code of the process."""
    torch.set_num_threads(1)
    job = json.load(sys.stdin)
    try:
        table = Interactions.of(Answer(*row) for row in job["rows"])
        weights = tracer.write(recurrent.fit(table, seed=job["seed"]).to_arrays())
        tracer.read(weights)
    except ValueError as wrong:
        print(wrong, file=sys.stderr)
        return REFUSED
    sys.stdout.buffer.write(weights)
    return 0


if __name__ == "__main__":
    sys.exit(main())
