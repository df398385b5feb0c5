def serve() -> None:
    raise SystemExit(1)
