"""Grading by the typed item's own rule. Keep this file free of imports: the grader child starts through it."""
