"""Deep models of ranking that need torch. Imported by child processes, benches and tests only, never by the server."""
