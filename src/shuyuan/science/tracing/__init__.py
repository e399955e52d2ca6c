"""Knowledge tracing: estimating what a learner knows from answers. Knows numbers, not people."""
