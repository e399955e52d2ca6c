"""Tracing: what each learner knows and remembers of each knowledge point, moved by every answer that counts.

Owns: one small state per learner and point, and the tracer version each school has adopted.
Data flow: `update` runs in the unit of work that stores the answer, in constant time; `rebuild` replays the
records and arrives at the same states, which a test compares.
Emits: nothing.
Refuses: a level on fewer than five answers. The algorithms live in `science.tracing.online` and `science.memory`;
a school that has adopted nothing is traced with its built-in numbers, called `prior-1`. An adopted version is read
once by each process and kept: one process runs the learning plane.
"""
