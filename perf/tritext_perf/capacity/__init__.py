"""How many servers a load needs: from what a benchmark measured of one server to a simulation of several.

The order: `evidence` (a benchmark's results), `simulation` (servers that behave as measured), `planning` (how many), `picture`.
"""
