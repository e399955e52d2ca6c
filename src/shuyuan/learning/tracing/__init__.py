"""Tracing: what each learner knows and remembers of each knowledge point, moved by every answer that counts.

Owns: one small state per learner and point, the tracer version each school has adopted, and the one tried beside it.
Data flow: `update` runs in the unit of work that stores the answer, in constant time; `rebuild` replays the
records and arrives at the same states, which a test compares. A version is of either kind (`science.tracing.serving`):
the Kalman step, or a net that corrects it and remembers a vector of each learner and a row a point and item.
Emits: nothing.
Refuses: a level on fewer than five answers; weights that are not those of their hash. A school that has adopted
nothing is traced with built-in numbers, called `prior-1`. An adopted version is read once by each process and kept: one
process runs the learning plane.
"""
