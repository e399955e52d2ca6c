"""The loop that retrains: from the school's own answers to a better tracer, past a gate.

Answers of learners who agreed → a pseudonymous, content-addressed data set → refit (NumPy) → report beside the
version in use, on learners held out → gate → catalogue version with lineage → served, or refused and kept
visible. Emits nothing; refuses to learn from anyone who did not consent, and to promote past a failed gate
without a named person's reason.
"""
