def build() -> None:
    raise SystemExit(1)
