"""Create a consumer that holds nothing."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboard.accounts.permissions import Permission
from dashboard.streams.names import plain
from dashboard.streams.snapshots import ConsumerFacts, GroupOverview
from streams_admin import redis_cli_text, writes
from streams_admin.actions.base import NothingSeen
from streams_admin.actions.context import ActionContext
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.single import OnGroup, find_group, refusal, the_group
from streams_admin.errors import Changed
from streams_admin.params.address import Address
from streams_admin.params.groups import ConsumerCreateParams


def consumer_of(overview: GroupOverview | None, wanted: bytes) -> ConsumerFacts | None:
    return next((c for c in overview.consumers if c.name == wanted), None) if overview else None


class ConsumerCreate(OnGroup[ConsumerCreateParams, NothingSeen]):
    seen_model = NothingSeen
    model = ConsumerCreateParams
    slug = "consumer_create"
    needs_memory = True
    label = "Create consumer…"
    permission = Permission.CONSUMERS
    literal = True

    def look(self, ctx: ActionContext[ConsumerCreateParams]) -> tuple[Preview, NothingSeen]:
        overview = the_group(ctx, ctx.params.group)
        if consumer_of(overview, ctx.params.consumer):
            raise Changed(_taken(ctx))
        words = writes.consumer_create_argv(ctx.key, overview.group.name, ctx.params.consumer)
        preview = Preview(
            title=f"Create consumer {plain(ctx.params.consumer)}",
            sentence=f"In {plain(overview.group.name)}, without entries.",
            button="Create consumer",
            total=1,
            counts={"consumers": overview.group.consumers},
            notes=[Note("", "Rarely needed", "Redis creates a consumer on its first read or claim.")],
            changes=[Change("consumers", overview.group.consumers, overview.group.consumers + 1)],
            redis_cli=[redis_cli_text.line(*words)],
        )
        return preview, NothingSeen()

    def changed(self, ctx: ActionContext[ConsumerCreateParams], seen: NothingSeen) -> str:
        overview = find_group(ctx, ctx.params.group)
        if overview is None:
            return "The stream or the group no longer exists."
        return _taken(ctx) if consumer_of(overview, ctx.params.consumer) else ""

    def do(self, ctx: ActionContext[ConsumerCreateParams], seen: NothingSeen) -> None:
        if not writes.consumer_create(ctx.server, ctx.key, ctx.params.group, ctx.params.consumer):
            raise refusal(_taken(ctx))

    def outcome(self, ctx: ActionContext[ConsumerCreateParams], seen: NothingSeen) -> str:
        return "done" if consumer_of(find_group(ctx, ctx.params.group), ctx.params.consumer) else "failed"

    def form(self, ctx: ActionContext[Address], data: Any = None) -> forms.Form:
        return ConsumerCreateForm(data)


class ConsumerCreateForm(forms.Form):
    """Its name."""

    consumer = forms.CharField(label="Name", max_length=200, strip=False)

    def clean_consumer(self) -> bytes:
        return str(self.cleaned_data["consumer"]).encode()


def _taken(ctx: ActionContext[ConsumerCreateParams]) -> str:
    return f"A consumer {plain(ctx.params.consumer)} already exists in {plain(ctx.params.group)}."
