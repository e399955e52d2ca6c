"""The classical tracers: logistic, hidden Markov and rating models, in NumPy, one algorithm a file."""
