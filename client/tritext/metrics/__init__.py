"""Each task's standard metrics, one module a kind; they know answers and truths, and no model, file or server.

Every module has `overall(expected, given) -> dict[str, float]`, the figures a report leads with.
"""
