"""A report as one HTML file: pictures inside it, no script, nothing fetched. Everything from data is escaped."""
