"""Insight: what a teacher needs to see of a class, each claim with the answers behind it; and learner models compared.

Owns: the rules of "stuck" and "too little evidence", the order of need, the early warning (a model a school, and what
teachers dismissed), comparisons of tracers, the export of answers under pseudonyms.
Refuses: a judgement on fewer than five answers, a claim without its evidence, a model that is not surely better than
the rules, answers of who did not agree.
"""
