"""Records: every answer, as it was given and graded. The truth that mastery and memory are rebuilt from.

Owns: responses, their sealed answers, and which of them count as evidence of what a learner knows.
Data flow: `append` runs inside the caller's unit of work and emits the event in the same unit.
Emits: `records.answer_recorded`, and is the only module that does.
Refuses: a second response under the same attempt, item and client key; showing an answer of an open test to
the learner who sits it. Who teaches whom is asked of `people` by the modules above; here a learner sees
only themselves and everyone else only their school.
"""
