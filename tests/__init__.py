"""Tests of cma-top."""
