"""The model plane: it never knows that a learner exists."""
