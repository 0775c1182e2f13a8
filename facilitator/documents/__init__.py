"""The client's documents, from what was written down in a session."""
