"""Courses: content, items and grading.

Owns: courses with their units, lessons and passages; the graph of knowledge points; items, templates and
their keys; the rule that says whether an answer is right.
Data flow: a folder or a problem set is read into frozen types, checked, stored as one write unit; a question
is an item made concrete for a seed; an answer becomes a verdict.
Emits: nothing. Verdicts are returned; `records` tells the world.
Refuses: `eval` and its relatives, comparing an expression inside this process, marks from prose, a course
with a broken key.
"""
