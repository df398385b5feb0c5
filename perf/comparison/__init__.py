"""Tritext beside its ceilings and its peers, in one run: `python -m comparison --help`."""
