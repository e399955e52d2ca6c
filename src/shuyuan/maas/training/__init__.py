"""Training: a task, a data set and a seed become weights. Owns runs and the trainer; refuses data without consent."""
