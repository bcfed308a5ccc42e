"""What stands at every other address: a problem like any other, after asking who is there."""

from __future__ import annotations

from typing import NoReturn

from django.http import Http404, HttpRequest
from ninja import Router

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
router = Router()


@router.api_operation(METHODS, "", include_in_schema=False)
def root(request: HttpRequest) -> NoReturn:
    raise Http404


@router.api_operation(METHODS, "/{rest:rest}", include_in_schema=False)
def nothing(request: HttpRequest, rest: str) -> NoReturn:
    raise Http404
