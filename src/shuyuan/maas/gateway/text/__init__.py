"""The verbs on words: conversations, completions, embeddings' uses, services, and what an age band may say and hear."""
