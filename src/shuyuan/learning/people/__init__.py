"""Learners, classes, rosters, consent, erasure. Knows who a pupil is; nobody else in this plane does.

Owns the class list and who teaches whom. Emits `people.consent_changed` and `people.learner_erased`, with ids alone.
Refuses to show a learner to anyone but the learner, the
teachers of the class and the school's administrators. Names and student numbers are sealed per person.
"""
