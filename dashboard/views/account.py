"""Signing in and out."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from dashboard.accounts import sign_in, throttling
from dashboard.accounts.addresses import client_address
from dashboard.accounts.backends import ThrottledBackend, must_wait
from dashboard.accounts.throttling import MustWait
from dashboard.display.format import age


@method_decorator(login_not_required, name="dispatch")
class SignIn(LoginView):
    """Name and password. After too many failures of an address, for one name or in all, it has to wait (429)."""

    template_name = "streamgauge/account/login.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer = super().post(request, *args, **kwargs)
        wait = must_wait(request)
        return _must_wait(request, wait) if wait else answer


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def by_link(request: HttpRequest, secret: str) -> HttpResponseBase:
    """GET shows a button, so that a preview of the link does not use it up; POST signs in."""
    try:
        counted = throttling.attempt(client_address(request))
    except MustWait as wait:
        return _must_wait(request, wait)
    link = sign_in.find(secret)
    if link is None:
        return render(request, "streamgauge/account/link_used.html", status=410)
    throttling.succeeded(counted)
    if request.method != "POST":
        return render(request, "streamgauge/account/link.html", {"person": link.user})
    if not sign_in.use(link):
        return render(request, "streamgauge/account/link_used.html", status=410)
    login(request, link.user, backend=f"{ThrottledBackend.__module__}.{ThrottledBackend.__qualname__}")
    return redirect("attention")


def _must_wait(request: HttpRequest, wait: MustWait) -> HttpResponse:
    """The form, with how long."""
    context = {
        "form": AuthenticationForm(request),
        "wait": age(wait.seconds * 1000),
        "next": request.POST.get("next", ""),
    }
    answer = render(request, "streamgauge/account/login.html", context, status=429)
    answer["Retry-After"] = str(wait.seconds)
    return answer
