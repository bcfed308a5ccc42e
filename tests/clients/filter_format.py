"""For schemathesis, as its hooks: strings of the format `filter`, which no regular expression describes."""

from __future__ import annotations

import schemathesis

from dashboard.filters import MAX_LENGTH
from tests.dashboard.filters import oracle

schemathesis.openapi.format("filter", oracle.nodes.map(str).filter(lambda text: len(text) <= MAX_LENGTH))
