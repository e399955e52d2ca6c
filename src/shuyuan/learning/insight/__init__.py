"""Insight: what a teacher needs to see of a class, each claim with the answers behind it.

Owns: the rules of "stuck" and "too little evidence", and the order of need. No tables.
Refuses: a judgement on fewer than five answers, and a claim without its evidence.
"""
