"""The filter of entries (docs/filter.md): one grammar for pages, API, live and pending lists.

`grammar` reads a text into nodes, `filter` keeps or leaves out entries by them. The parser is written by hand: with
three operators and one form of condition it is shorter than a grammar for a generator and the classes around it, and it
knows the place of every error.
"""

from dashboard.filters.errors import EXAMPLES, InvalidFilter
from dashboard.filters.filter import Filter, check_times, parse, parse_for
from dashboard.filters.limits import MAX_LENGTH

__all__ = ["EXAMPLES", "MAX_LENGTH", "Filter", "InvalidFilter", "check_times", "parse", "parse_for"]
