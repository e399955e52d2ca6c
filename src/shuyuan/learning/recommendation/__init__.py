"""Recommendation: what a learner does next, which course, and why, in words; the mistakes notebook; the outlook.

Owns: the rules and their order, and the sentences; what is foretold of who agreed (sealed, with an end), and what
activities and courses brought, pooled over who agreed. All else is read from its neighbours.
Order: assignment due, stuck point (what it rests on first), what waited for long (a review a week, mistakes two), what
is under way, the next new point and its lesson, then reviews, mistakes and other points that could begin; when
nothing is left, the shakiest point.
Refuses: an activity without a reason, and a reason that is not a fact about this learner's answers.
"""
