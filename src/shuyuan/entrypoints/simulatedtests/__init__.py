"""A simulated adaptive test: its plan, its figures, and the page of plots. Made-up people only; no school's data."""
