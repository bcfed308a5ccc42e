"""The JSON API, `/api/v1`: the same reads as the pages, for scripts and portals."""
