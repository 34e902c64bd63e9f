"""Lint for schedules: traps found before they run, with codes, severities and ignores."""

from .findings import FAIL_ON as FAIL_ON
from .findings import FORMATS as FORMATS
from .findings import RULES as RULES
from .findings import Finding as Finding
from .findings import Rule as Rule
from .findings import Severity as Severity
from .findings import chosen as chosen
from .findings import fails as fails
from .findings import printed as printed
from .findings import without_ignored as without_ignored
from .runs import lint_entries as lint_entries
from .runs import lint_schedules as lint_schedules
