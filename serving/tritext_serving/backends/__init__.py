"""Python-based stand-ins for two of Triton's native backends, for a Triton that lacks them; they run inside its Python stub."""
