"""A trained net with its vocabulary: predicts tables, and travels as plain arrays."""
