"""Pages and JSON are sent compressed, but not to whom it could tell a secret.

The size of a compressed answer tells how much of what was put into the address stands in the page, too (BREACH):
whoever can make a browser ask for addresses and sees the sizes on the wire learns a payload letter by letter. So:

* An answer to a request that another site has begun (Sec-Fetch-Site) is not compressed: its address may be chosen.
* Django masks the CSRF token anew in each answer, and pads each compressed one with up to 100 random bytes.
* Files that are streamed and what is no HTML or JSON are left alone.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

TYPES = ("text/html", "application/json", "application/problem+json")
OURS = ("same-origin", "none", "")
"""Who has begun a request: a page of ours, the person by hand, or a program, which sends no such header."""


class CompressionMiddleware(GZipMiddleware):
    """gzip for HTML and JSON that was asked for by ourselves or by hand."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        kind = response.get("Content-Type", "").partition(";")[0]
        if response.streaming or kind not in TYPES or request.headers.get("Sec-Fetch-Site", "") not in OURS:
            return response
        return super().process_response(request, response)
