"""Python-based stand-ins for three of Triton's native backends, for a Triton that lacks them; they run inside its Python stub."""
