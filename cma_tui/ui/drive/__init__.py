"""Driving a session: what is written, what waits for an answer, and how both reach the server."""
