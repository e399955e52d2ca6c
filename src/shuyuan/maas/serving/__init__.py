"""Keep models answering: supervised worker processes, a memory budget, fair lines, shared passes, restart.

Data flows engine (names) → lane (one model: fair line, load, retry) → worker (socket) → host, in the child →
batcher (passes that requests share) → runner. Residency says which models may be in memory. Knows tensors
and tokens, not learners. Refuses more than a line holds (Overloaded), a model larger than the budget
(NeverFits), and to unpickle anything.
"""
