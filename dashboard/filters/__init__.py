"""The filter of entries: from text to a predicate, the same for pages, API, live and export."""
