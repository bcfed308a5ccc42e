"""Create a consumer that holds nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from dashboard.accounts.permissions import Permission
from dashboard.streams.names import plain, to_path
from dashboard.streams.snapshots import ConsumerFacts, GroupOverview
from streams_admin import redis_cli_text, writes
from streams_admin.actions.base import ActionContext, Change, Note, Params, Preview, Seen
from streams_admin.actions.single import Single, find_group, named, refusal, the_group
from streams_admin.errors import Changed
from streams_admin.params.which import name


def consumer_of(overview: GroupOverview | None, wanted: bytes) -> ConsumerFacts | None:
    return next((c for c in overview.consumers if c.name == wanted), None) if overview else None


class ConsumerCreate(Single):
    slug = "consumer_create"
    label = "Create consumer…"
    permission = Permission.CONSUMERS
    literal = True

    def clean(self, raw: Mapping[str, Any]) -> Params:
        group = named(raw, "group", "the group of the new consumer")
        return {"group": group, "consumer": named(raw, "consumer", "the name of the new consumer")}

    def look(self, ctx: ActionContext) -> tuple[Preview, Seen]:
        overview = the_group(ctx)
        if consumer_of(overview, _name(ctx)):
            raise Changed(_taken(ctx))
        words = writes.consumer_create_words(ctx.key, overview.group.name, _name(ctx))
        preview = Preview(
            title=f"Create consumer {plain(_name(ctx))}",
            sentence=f"In {plain(overview.group.name)}, without entries.",
            button="Create consumer",
            total=1,
            counts={"consumers": overview.group.consumers},
            notes=[Note("", "Rarely needed", "Redis creates a consumer on its first read or claim.")],
            changes=[Change("consumers", overview.group.consumers, overview.group.consumers + 1)],
            redis_cli=[redis_cli_text.line(*words)],
        )
        return preview, {}

    def changed(self, ctx: ActionContext, seen: Seen) -> str:
        overview = find_group(ctx)
        if overview is None:
            return "The stream or the group no longer exists."
        return _taken(ctx) if consumer_of(overview, _name(ctx)) else ""

    def do(self, ctx: ActionContext, seen: Seen) -> None:
        if not writes.consumer_create(ctx.server, ctx.key, name("group", ctx.params["group"]), _name(ctx)):
            raise refusal(_taken(ctx))

    def outcome(self, ctx: ActionContext, seen: Seen) -> str:
        return "done" if consumer_of(find_group(ctx), _name(ctx)) else "failed"

    def form(self, ctx: ActionContext, data: Any = None) -> forms.Form:
        return ConsumerCreateForm(data)


class ConsumerCreateForm(forms.Form):
    """Its name."""

    consumer = forms.CharField(label="Name", max_length=200, strip=False)

    def clean_consumer(self) -> str:
        return to_path(str(self.cleaned_data["consumer"]).encode())


def _name(ctx: ActionContext) -> bytes:
    return name("consumer", ctx.params["consumer"])


def _taken(ctx: ActionContext) -> str:
    return f"A consumer {plain(_name(ctx))} already exists in {plain(name('group', ctx.params['group']))}."
