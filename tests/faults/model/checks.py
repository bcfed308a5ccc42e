"""What must be true of a house that has settled: what is on the servers and what is said of it are the same."""

from __future__ import annotations

import json
from collections import Counter

from streams_admin.models import AuditEntry, Operation
from streams_admin.operations import results
from streams_admin.operations.outcomes import outcome_of
from tests.faults.model.actors import Actor
from tests.faults.model.house import House
from tests.faults.model.ledger import KEY

HIDDEN_BY_WORKERS = {"group_destroy"}
"""A group of that name may be a new one; what it has pending tells, until its workers have acknowledged of that."""


def check(house: House) -> None:
    """What is there, and what is said of it, are the same."""
    assert [a.error for a in house.actors if a.error and not _refused(house, a)] == [], house.story
    operation = house.operation
    if operation is None:
        assert not house.ledger.done[0], house.story
        return
    said = _said(operation)
    try:
        _check_each(house, said) if house.verb.named else _check_counts(house, operation)
        _check_then(house, operation, said)
        assert house.truth.type(KEY) != b"string" or house.truth.get(KEY) == b"text"
        _check_said(house, operation, said)
        assert not house.ledger.done[1], "another server was changed"
    except AssertionError as error:
        error.add_note("\n".join([*house.story, f"{operation.state} {operation.results} {operation.error}"]))
        error.add_note(f"{said}\n{dict(house.ledger.done[0])}")
        raise


def _refused(house: House, actor: Actor) -> bool:
    """Who begins may be refused: nothing was done."""
    return actor.name == "site" and house.operation is None


def _said(operation: Operation) -> dict[str, str]:
    """The number of each entry and its result."""
    return {str(id_).split("-")[0]: result for id_, result in operation.entries}


def _check_each(house: House, said: dict[str, str]) -> None:
    for number in house.verb.about:
        count, result = house.ledger.count(house.verb.effect, number), said.get(number, "")
        count -= house.ledger.count("uncopied", number)
        assert count <= 1, f"{number} was done twice"
        if not house.verb.mine and number in house.touched and "lost" in house.disturbed and result != "failed":
            continue  # the result says how it was found
        if result == "done":
            assert count == 1, f"{number} was not done, and counts as done"
        elif result == "unknown":
            assert _may_be_unknown(house), f"{number} could be known: done {count} times"
        else:
            assert count == 0, f"{number} was done, and counts as {result or 'not looked at'}"
        for also in house.verb.also:
            assert house.ledger.count(also, number) == count, f"{number} was {also} apart from its copy"
    strange = {e for e in house.ledger.done[0] if e[0] == house.verb.effect and e[1] not in house.verb.about}
    assert not strange, f"what was not planned was done: {strange}"


def _check_then(house: House, operation: Operation, said: dict[str, str]) -> None:
    """Its last effect, which has the one result that names no entry."""
    if not house.verb.then:
        return
    rest, count = Counter(operation.results) - Counter(said.values()), house.ledger.count(house.verb.then, "")
    assert rest["done"] + rest["unknown"] <= 1
    assert count <= 1
    if rest["unknown"]:
        assert _may_be_unknown(house), "it could be known"
    elif not (house.touched and "lost" in house.disturbed):
        assert count == rest["done"]


def _check_counts(house: House, operation: Operation) -> None:
    """Of an action whose results name no entries."""
    done, said = house.ledger.of(house.verb.effect), Counter(operation.results)
    assert set(done.values()) <= {1}, f"done twice: {done}"
    assert set(done) <= set(house.verb.about), f"what was not planned was done: {done}"
    if said["unknown"]:
        assert _may_be_unknown(house), "it could be known"
    elif house.verb.mine or not (house.touched and "lost" in house.disturbed):
        assert done.total() == said["done"], f"{done.total()} were done"


def _may_be_unknown(house: House) -> bool:
    """Whether nobody could know: where what would tell is gone, or where others do the same."""
    if {"copies", "stream", "group", "server"} & house.disturbed or (not house.kills and "lost" in house.disturbed):
        return True
    if house.verb.slug in HIDDEN_BY_WORKERS:
        return bool(house.touched)
    return house.verb.slug == "trim" and "entries-added" not in house.truth.xinfo_stream(KEY)


def _check_said(house: House, operation: Operation, said: dict[str, str]) -> None:
    if house.verb.named and not house.verb.then:
        assert Counter(said.values()) == Counter(operation.results), "the counts are not those of the entries"
    assert operation.done == sum(operation.results.values())
    lines = [(line.outcome, line.counts) for line in AuditEntry.objects.order_by("pk")]
    assert lines == [("started", {}), (outcome_of(operation).word, operation.results)]
    *named, end = map(json.loads, b"".join(results.read(operation)).splitlines())
    assert end["named"] == len(named)
    assert {line["id"]: line["result"] for line in named}.items() <= dict(operation.entries).items()
    by_api = house.place.admin.get(f"/api/v1/operations/{operation.pk}").json()
    word = outcome_of(operation).word
    assert (by_api["state"], by_api["outcome"], by_api["done"]) == (operation.state, word, operation.done)
    assert Counter(by_api["results"]) == Counter(operation.results), "the API counts otherwise"
    page = house.place.admin.get(f"/operations/{operation.pk}/").content.decode()
    assert outcome_of(operation).text in page, "the page says something else"
