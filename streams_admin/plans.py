"""Plan, then run: a plan is a look at what would be done, signed, bound to who asked and to what was seen."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from itertools import accumulate

from django.db import connections, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from dashboard.accounts.principals import Principal
from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from streams_admin import identity, stored
from streams_admin.actions import gate
from streams_admin.actions.apart import with_promises
from streams_admin.actions.gate import Admitted
from streams_admin.actions.memory import memory_notes
from streams_admin.actions.preview import Note
from streams_admin.audit.log import Caller
from streams_admin.errors import Changed, Conflict, Expired, NoSuchPlan
from streams_admin.models import Plan
from streams_admin.params.base import Raw, Spelling, serialise

LIVES = timedelta(minutes=2)
KEPT = timedelta(days=1)
"""Unused plans are deleted after that."""
FILE_TAKES = timedelta(seconds=30)
"""For so long at most a file of a plan's entries is made: the site cuts an answer off after that."""
UNUSED_MOST, UNUSED_CHARS = 50, 4 * 2**20
"""Unused plans that are kept of one person, and the characters they take. The oldest make room: nobody has to wait."""

OLD = "DELETE FROM streamgauge_admin_plan WHERE used IS NULL AND created < %s"
UNUSED = """
    SELECT id, LENGTH(CAST(params AS text)) + LENGTH(CAST(seen AS text)) + LENGTH(CAST(preview AS text)) AS chars
    FROM streamgauge_admin_plan WHERE who_id = %s AND used IS NULL AND id <> %s ORDER BY created DESC
"""
"""Somebody's unused plans but one, the newest first."""
GONE = "DELETE FROM streamgauge_admin_plan WHERE used IS NULL AND id = %s"
"""No operation refers to a plan that was not used. In SQL: each new plan runs these, and the ORM took 8 ms for it."""


def prepare(
    caller: Caller, server: Server, key: bytes, slug: str, raw: Raw, spelling: Spelling = Spelling.PATHS
) -> Plan:
    """Through the gate, then look. Raises Forbidden, ActionError, StreamError; changes nothing on the server."""
    return make(gate.admit(caller, server, key, slug, raw, spelling))


def make(admitted: Admitted) -> Plan:
    """Look, and write down what was seen. Raises ActionError or StreamError; changes nothing on the server."""
    action, ctx = admitted.action, admitted.ctx
    on = identity.look(ctx)
    looked, seen = action.look(ctx)
    preview = with_promises(ctx, action, looked)
    notes = (*memory_notes(ctx.server, action), *_production(ctx.server))
    with transaction.atomic():
        made = Plan.objects.create(
            who=ctx.principal.name,
            who_id=ctx.principal.id,
            server=ctx.server.name,
            stream=to_path(ctx.key),
            action=action.slug,
            params=serialise(ctx.params),
            seen=stored.dump(action.seen_model, seen),
            identity=on,
            preview=preview.to_json(*notes),
            expires=timezone.now() + LIVES,
        )
        _forget_oldest(made)
    return made


def _forget_oldest(newest: Plan) -> None:
    """Delete what nobody ran in a day, and what its owner left unused beyond the bounds; the newest always stays."""
    connection = connections[Plan.objects.db]
    with connection.cursor() as cursor:
        cursor.execute(OLD, [connection.ops.adapt_datetimefield_value(timezone.now() - KEPT)])
        cursor.execute(UNUSED, [newest.who_id, newest.pk.hex])
        found = cursor.fetchall()
        total = accumulate(chars for _, chars in found)
        gone = [pk for at, ((pk, _), chars) in enumerate(zip(found, total, strict=True), 2) if _is_over(at, chars)]
        cursor.executemany(GONE, [(pk,) for pk in gone])


def _is_over(count: int, chars: int) -> bool:
    return count > UNUSED_MOST or chars > UNUSED_CHARS


def _production(server: Server) -> list[Note]:
    """What comes after every other note: the badge beside the title says it too."""
    if server.config.environment != "production":
        return []
    return [Note("", f"{server.title} is in production", "Its users will notice at once.")]


def token(plan: Plan) -> str:
    """What stands in an address: the plan's number and a seal over all of it."""
    return f"{plan.pk.hex}_{_seal(plan)}"


def _seal(plan: Plan) -> str:
    content = [
        plan.pk.hex,
        plan.who,
        plan.who_id,
        plan.server,
        plan.stream,
        plan.action,
        plan.params,
        plan.seen,
        plan.identity,
        plan.preview,
        plan.expires.isoformat(),
    ]
    return salted_hmac("streams_admin.plan", json.dumps(content, sort_keys=True), algorithm="sha256").hexdigest()[:32]


def find(text: str, principal: Principal) -> Plan:
    """The plan of a token. Raises NoSuchPlan when it is altered, unknown, or another's."""
    number, _, seal = text.partition("_")
    try:
        plan = Plan.objects.get(pk=uuid.UUID(number))
    except (ValueError, Plan.DoesNotExist):
        kept = f"Plans are kept for a day, and of one person the newest {UNUSED_MOST}."
        raise NoSuchPlan(f"There is no such plan. {kept}") from None
    if not constant_time_compare(_seal(plan), seal):
        raise NoSuchPlan("This plan was altered and cannot be used.")
    if not plan.is_of(principal):
        raise NoSuchPlan("This plan belongs to someone else. Make your own.")
    return plan


def check_fresh(plan: Plan) -> None:
    """Raises Expired."""
    if timezone.now() > plan.expires:
        raise Expired("This plan is older than two minutes and was not run. Refresh it.")


def begin_file(plan: Plan) -> None:
    """From now on a file of its entries is made. Raises Changed where the plan was run."""
    unused = Plan.objects.filter(pk=plan.pk, used=None)
    if not unused.update(file_until=Now() + FILE_TAKES):
        raise Changed("This plan was already run: its entries may be gone.")


def end_file(plan: Plan) -> bool:
    """The file is made. Whether the plan was not run meanwhile, so that it holds all that was there."""
    return bool(Plan.objects.filter(pk=plan.pk, used=None).update(file_until=None))


def check_no_file(plan: Plan) -> None:
    """Raises Conflict while a file of its entries is made: it is complete before the first of them goes."""
    if Plan.objects.filter(pk=plan.pk, used=None, file_until__gt=Now()).exists():
        raise Conflict(
            "The file of its entries is still being downloaded. Nothing was done: run it once that is complete."
        )


def take(plan: Plan) -> bool:
    """Mark it as used. False when it was already, or a file of its entries is being made: a plan runs once."""
    no_file = Q(file_until=None) | Q(file_until__lte=Now())
    return Plan.objects.filter(no_file, pk=plan.pk, used=None).update(used=timezone.now()) == 1
