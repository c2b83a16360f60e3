"""Tests of the mirror, against a Braintrust on loopback."""
