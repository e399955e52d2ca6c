"""What an edge bundle ships: files that run without this platform. Read as text, never imported by the server."""
