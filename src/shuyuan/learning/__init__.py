"""The learning plane: courses, records, tracing, assessment, recommendation, insight, tutor, improvement."""
