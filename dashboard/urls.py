"""The site map. Pages of `streams_admin` are mounted by name when it is installed.

Probes are not here: `dashboard.views.probes` answers them before anything asks for the host.
"""

from __future__ import annotations

from django.apps import apps
from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.decorators.http import require_safe as read

from dashboard.api.site import api
from dashboard.http.converters import TOO_LONG
from dashboard.metrics import endpoint
from dashboard.views import account, attention, entry, group, search, stream, streams
from dashboard.views.incidents import mute
from dashboard.views.server import about
from dashboard.views.tail import page as tail

handler400 = "dashboard.http.error_pages.bad_request"
handler404 = "dashboard.http.error_pages.not_found"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", read(attention.attention), name="attention"),
    path("search/", read(search.search), name="search"),
    path("findings/<uuid:incident>/mute/", mute.mute_form, name="mute"),
    path("findings/<uuid:incident>/unmute/", mute.unmute_button, name="unmute"),
    path("s/<slug:server>/", read(streams.streams), name="streams"),
    re_path(rf"^s/(?P<server>[-\w]+)/(?:.*/)?{TOO_LONG}/", read(about.name_too_long), name="too-long"),
    path("s/<slug:server>/about/", read(about.about), name="about"),
    path("s/<slug:server>/tail/", read(tail.tail), name="tail"),
    path("s/<slug:server>/<name:stream>/", read(stream.stream), name="stream"),
    path("s/<slug:server>/<name:stream>/e/<sid:entry>/", read(entry.entry), name="entry"),
    path("s/<slug:server>/<name:stream>/e/<sid:entry>/field/<int:position>/", read(entry.field), name="field"),
    path("s/<slug:server>/<name:stream>/g/<name:group>/", read(group.group), name="group"),
    path("api/v1/", api.urls),
    path("metrics", read(endpoint.metrics), name="metrics"),
    path("sign-in/", account.SignIn.as_view(), name="login"),
    path("sign-in/<slug:secret>/", account.by_link, name="sign-in"),
    path("sign-out/", LogoutView.as_view(template_name="streamgauge/account/logged_out.html"), name="logout"),
]

if apps.is_installed("streams_admin"):
    urlpatterns.append(path("", include("streams_admin.urls")))
