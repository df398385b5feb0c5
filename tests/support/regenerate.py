"""Write the golden configurations and the demo's tracked files anew: `python -m tests.support.regenerate`."""

from tests.build.test_layout import DEMO, ROOT, demo_version
from tests.build.test_model_config import GOLDEN, version
from tritext_build.formats import FORMATS


def main() -> None:
    """Overwrite what the tests compare with; read the diff before you commit it."""
    for name in FORMATS:
        written = "".join(f"# {config.name}\n{config.to_text()}" for config in version(name).configs())
        (GOLDEN / f"{name}.pbtxt").write_text(written, encoding="utf-8")
    for name, precision in DEMO.items():
        for path, content in demo_version(name, precision).files().items():
            if path.suffix != ".json":
                target = ROOT / "model_repository" / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)


if __name__ == "__main__":
    main()
