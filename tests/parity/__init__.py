"""Served answers against the original libraries' own, for every task, family and format: `python -m tests.parity`."""
