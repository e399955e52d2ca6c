"""From data to a deployed model as one durable job: prepare, train, evaluate, compress, gate, register, promote.

Owns pipelines, their steps and schedules. Data flows spec → outbox → durable turns → one step after another, each with
a recorded output. Emits `pipeline.created` and `pipeline.ended`. Refuses to do a finished step again, to promote past a
failed gate, and to change what is served while an exam runs or classes sit.
"""
