"""Look up every locked version among known vulnerabilities, with pip-audit: `make audit`.

A vulnerability fails, unless ANSWERED says why it does not concern us. A service that cannot be reached does not fail, but says so.
"""

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements.lock"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\n]+)", re.MULTILINE)

ANSWERED: dict[str, str] = {}
"""Identifiers of vulnerabilities (PYSEC-…, GHSA-…, CVE-…) that are known here, each with the reason why it may stay."""

PROBE = "https://pypi.org/pypi/{name}/{version}/json"
"""Where pip-audit looks; asked about one package, before it asks about every one."""

CANNOT = """
****************************************************************************
  NOT AUDITED: {reason}
  Looked up: {known} of the locked packages. Of all others nothing is known; run `make audit` where pypi.org answers.
****************************************************************************
"""


def main() -> int:
    """0 if there is nothing, or nothing can be known; 1 if there is a vulnerability without an answer."""
    if reason := _unreachable():
        sys.stdout.write(CANNOT.format(reason=reason, known="none"))
        return 0
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--no-deps", "--disable-pip"]
    done = subprocess.run(
        [*command, "--format", "json", "--progress-spinner", "off"],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = (done.stderr.strip().splitlines() or ["pip-audit says nothing"])[-1]
        sys.stdout.write(CANNOT.format(reason=reason, known="none"))
        return 0
    skipped = [each for each in found if "skip_reason" in each]
    if skipped:
        sys.stdout.write(CANNOT.format(reason=skipped[0]["skip_reason"], known=len(found) - len(skipped)))
    return _judged([each for each in found if each not in skipped])


def _unreachable() -> str:
    """Why the service does not answer about the first locked package; empty if it does."""
    name, version = next(iter(PINNED.findall(LOCK.read_text(encoding="utf-8"))))
    url = PROBE.format(name=name, version=version)
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - https, see PROBE
            return "" if "vulnerabilities" in json.load(answer) else f"{url} knows no vulnerabilities"
    except (OSError, ValueError) as error:
        return f"{url}: {error}"


def _judged(found: list[dict[str, Any]]) -> int:
    open_ones = 0
    for package in found:
        for vulnerability in package["vulns"]:
            names = {vulnerability["id"], *vulnerability["aliases"]}
            answer = next((ANSWERED[name] for name in sorted(names) if name in ANSWERED), None)
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            sys.stdout.write(
                f"{package['name']} {package['version']}: {', '.join(sorted(names))}, fixed in {fixed}\n"
            )
            sys.stdout.write(
                f"    {answer or 'NOT ANSWERED: upgrade it (make lock), or say in .ci/audit.py why it may stay'}\n"
            )
            open_ones += answer is None
    sys.stdout.write(f"{len(found)} packages looked up, {open_ones} vulnerabilities without an answer.\n")
    return int(open_ones > 0)


if __name__ == "__main__":
    sys.exit(main())
