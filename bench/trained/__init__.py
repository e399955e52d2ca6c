"""The parts of `bench.tasks`, by kind of data: each with its goals, its protocol and its floor."""
