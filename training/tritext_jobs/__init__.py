"""Training, building, evaluating and predicting as queued jobs: SQL is the truth about them, the broker only the bell.

Knows no model and no Triton; what a job does is done by the parts, in a process of its own.
"""
