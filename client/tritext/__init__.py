"""Tritext: raw text in, answers out, from BERT-family models on NVIDIA Triton."""
