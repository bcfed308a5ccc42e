"""Parts that every page is made of: status, notes, states, menus, pagers."""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.fleet.store import Finding
from dashboard.menus import Item
from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server

register = template.Library()


@register.inclusion_tag("streamgauge/parts/_status.html")
def status(severity: str, *, word: str = "", icon: str = "") -> dict[str, object]:
    """Icon, word and colour. `severity`: ok late stuck unknown; `word`: the kind, by default the severity itself;
    `icon`: by default that of the severity (idle, gone, info)."""
    return {"severity": severity, "word": word or ("OK" if severity == "ok" else severity), "icon": icon or severity}


@register.inclusion_tag("streamgauge/parts/_env.html")
def env(environment: str, *, count: int = 0) -> dict[str, object]:
    """The badge of production, staging or development. `count`: how many servers of it, where several are meant."""
    return {"environment": environment, "count": count}


@register.inclusion_tag("streamgauge/parts/_server_badges.html")
def server_badges(server: Server) -> dict[str, object]:
    """The environment of a server, and that it is read-only or a replica."""
    return {"server": server}


@register.inclusion_tag("streamgauge/parts/_note.html")
def note(
    title: str, *, text: str = "", severity: str = "", icon: str = "", href: str = "", link: str = ""
) -> dict[str, object]:
    """A fact above the page. `severity`: late stuck unknown, "" for a plain one; `href`, `link`: one place to go on."""
    icon = icon or severity or "info"
    return {"title": title, "text": text, "severity": severity, "icon": icon, "href": href, "link": link}


@register.inclusion_tag("streamgauge/parts/_copy_entry.html")
def copy_entry(server: str, stream: bytes, entry: object) -> dict[str, object]:
    """A button that copies an entry as the API gives it. `entry`: its ID."""
    return {"server": server, "stream": stream, "id": entry}


@register.inclusion_tag("streamgauge/parts/_alert.html")
def alert(text: str) -> dict[str, object]:
    """Why a form was not taken."""
    return {"text": text}


@register.inclusion_tag("streamgauge/parts/_state.html")
def state(
    title: str,
    *,
    text: str = "",
    severity: str = "",
    command: str = "",
    href: str = "",
    link: str = "",
    small: str = "",
) -> dict[str, object]:
    """What stands where rows would: `title` what is the case, `text` what to do, `command` to copy."""
    context: dict[str, object] = {"title": title, "text": text, "severity": severity, "command": command}
    return context | {"href": href, "link": link, "small": small}


@register.inclusion_tag("streamgauge/parts/_stale.html")
def stale(server: Server, reason: str, *, at: int | None, retry: str) -> dict[str, object]:
    """A server that cannot be read. `at`: our epoch ms of what is shown, None when nothing was; `retry`: an address."""
    return {"server": server, "reason": reason, "at": at, "retry": retry}


@register.inclusion_tag("streamgauge/parts/_code.html")
def code(text: str, *, label: str = "the commands") -> dict[str, object]:
    """Commands, lines as they are. `label`: what is copied, for those who do not see it."""
    return {"text": text, "label": label}


@register.inclusion_tag("streamgauge/parts/_menu.html")
def menu(items: Sequence[Item], *, label: str = "Actions") -> dict[str, object]:
    """A menu, dangerous items after a rule; nothing is drawn without items."""
    parted = ([item for item in items if not item.danger], [item for item in items if item.danger])
    return {"safe": parted[0], "dangerous": parted[1], "label": label}


@register.inclusion_tag("streamgauge/parts/_seg.html")
def segments(label: str, choices: Sequence[Sequence[object]]) -> dict[str, object]:
    """Exclusive links. `choices`: (label, address, whether it is the present one)."""
    return {"label": label, "choices": choices}


@register.inclusion_tag("streamgauge/parts/_pager.html")
def pager(
    *,
    newer: str = "",
    older: str = "",
    newer_label: str = "Newer",
    older_label: str = "Older",
    first: str = "",
    text: str = "",
) -> dict[str, object]:
    """`newer`, `older`: addresses, "" at an end; `first`: back to the start; `text`: what is shown of how many."""
    context: dict[str, object] = {"newer": newer, "older": older, "newer_label": newer_label}
    return context | {"older_label": older_label, "first": first, "text": text}


@register.inclusion_tag("streamgauge/parts/_toolbar_filters.html")
def fold_toggle(id: str, *, active: int | str = 0, label: str = "Filters") -> dict[str, object]:
    """Folds what follows it in a toolbar on a phone, without script: the next element must have the class `fold`.

    `id`: unique on the page; `active`: how many filters are set.
    """
    return {"id": id, "active": active, "label": label}


@register.inclusion_tag("streamgauge/parts/_crumbs.html")
def crumbs(here: str, server: Server, *, stream: bytes | None = None, group: bytes | None = None) -> dict[str, object]:
    """The way to this page: the server's streams, the stream, the group. `here`: what this page is."""
    return {"here": here, "server": server, "stream": stream, "group": group}


@register.inclusion_tag("streamgauge/parts/_text.html")
def coded(text: Sequence[tuple[bool, str]]) -> dict[str, object]:
    """A text in pieces, some of them code: `api.docs.Text`."""
    return {"text": text}


@register.simple_tag
def finding_detail(finding: Finding, server: str) -> SafeString | str:
    """The evidence in words; the entry it names leads to its page."""
    id_ = str(finding.evidence.get("id", ""))
    if not id_ or id_ not in finding.detail:
        return finding.detail
    before, _, after = finding.detail.partition(id_)
    href = reverse("entry", args=(server, finding.stream, StreamId.parse(id_)))
    return format_html('{}<a class="id" href="{}">{}</a>{}', before, href, id_, after)
