"""What people look at before a version goes out: a page about one version, and what changes from one to another.

A page is one self-contained HTML file. Documents come in, figures and pages go out; nothing here asks a server
except the comparison, through the client.
"""

from tritext_perf.version_report.evidence import Evidence
from tritext_perf.version_report.page import write
from tritext_perf.version_report.report import html
from tritext_perf.version_report.sources import gather

__all__ = ["Evidence", "gather", "html", "write"]
