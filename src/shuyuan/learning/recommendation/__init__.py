"""Recommendation: what a learner does next, and why, in words; the mistakes notebook.

Owns: the rules and their order, and the sentences. No tables: everything is read from its neighbours.
Order: assignment due, stuck point (what it rests on first), mistakes to redo, review due, next new point, its
lesson; when all is solid, the weakest point.
Refuses: an activity without a reason, and a reason that is not a fact about this learner's answers.
"""
