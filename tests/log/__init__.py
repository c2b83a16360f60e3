"""Tests of the event logs on disk."""
