"""Assessment: sittings of items. Attempts, answers, hints, assignments, personal papers.

Owns: attempts with their slots (item, seed, tries, hints), assignments with what each learner was given, papers.
Data flow: an answer is graded first, then one unit of work stores the response (records), moves mastery
(tracing), marks the slot and emits the event; only then is it acknowledged.
What counts as evidence: the first try on an item in practice and review, the last answer in a test, when it
closes. Later tries are stored and change the slot, never mastery.
Emits: nothing of its own; `records` tells of every answer.
Refuses: an answer to a closed attempt, a second response under one client key, verdicts and hints in an open
test, practice beside an open test, and learners who are not in the teacher's class.
"""
