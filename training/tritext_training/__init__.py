"""Labelled text in, a Hugging Face checkpoint and its report out. Knows nothing of Triton."""
