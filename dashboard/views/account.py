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

from dashboard import signin
from dashboard.access import client_address


@method_decorator(login_not_required, name="dispatch")
class SignIn(LoginView):
    """Name and password. Too many failures for one name from one address have to wait (429)."""

    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if signin.must_wait(request.POST.get("username", ""), client_address(request)):
            form = AuthenticationForm(request)
            return render(request, "registration/login.html", {"form": form, "must_wait": True}, status=429)
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: Any) -> HttpResponse:
        signin.failed(self.request.POST.get("username", ""), client_address(self.request))
        return super().form_invalid(form)


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def by_link(request: HttpRequest, secret: str) -> HttpResponseBase:
    """GET shows a button, so that a preview of the link does not use it up; POST signs in."""
    link = signin.find(secret)
    if link is None:
        return render(request, "registration/link_used.html", status=410)
    if request.method != "POST":
        return render(request, "registration/link.html", {"person": link.user})
    if not signin.use(link):
        return render(request, "registration/link_used.html", status=410)
    login(request, link.user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("attention")
