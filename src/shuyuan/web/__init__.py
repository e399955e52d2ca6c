"""The pages (HTML): they call interfaces, never tables."""
