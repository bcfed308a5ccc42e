"""Pages and JSON go out compressed where that can tell nobody a secret."""

from __future__ import annotations

import gzip
from http import HTTPStatus

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from dashboard.http.compression import CompressionMiddleware

BODY = b"<p>orders:new</p>" * 500


def answered(response: HttpResponseBase, **headers: str) -> HttpResponseBase:
    request = HttpRequest()
    request.META = {"HTTP_ACCEPT_ENCODING": "gzip, br", **headers}
    return CompressionMiddleware(lambda _: response)(request)  # type: ignore[arg-type, return-value]


def page(kind: str = "text/html; charset=utf-8") -> HttpResponse:
    return HttpResponse(BODY, content_type=kind, status=HTTPStatus.OK)


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json", "application/problem+json"])
@pytest.mark.parametrize("site", ["same-origin", "none", ""])
def test_what_we_ask_for_ourselves_is_compressed(kind: str, site: str) -> None:
    answer = answered(page(kind), HTTP_SEC_FETCH_SITE=site)
    assert isinstance(answer, HttpResponse)
    assert answer["Content-Encoding"] == "gzip"
    assert answer["Vary"] == "Accept-Encoding"
    assert gzip.decompress(answer.content) == BODY
    assert answer["Content-Length"] == str(len(answer.content))
    assert len(answer.content) < 300


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_has_begun_is_not(site: str) -> None:
    answer = answered(page(), HTTP_SEC_FETCH_SITE=site)
    assert isinstance(answer, HttpResponse)
    assert not answer.has_header("Content-Encoding")
    assert answer.content == BODY


def test_streams_and_other_files_are_left_alone() -> None:
    stream = answered(StreamingHttpResponse([BODY], content_type="application/json"))
    assert not stream.has_header("Content-Encoding")
    assert not answered(page("application/x-ndjson")).has_header("Content-Encoding")
