"""What a cart is: the events of its log, applied one after the other."""

from __future__ import annotations

from collections.abc import Mapping

Cart = dict[str, int]
"""Quantity by item; an item of which there is none is not in it."""


def apply(cart: Cart, event: Mapping[str, str]) -> None:
    """Change the cart as the event says. Raises ValueError for one that nobody understands; the cart is as before.

    More than there is cannot be removed: the rest is not owed.
    """
    kind = event.get("eventType")
    if kind == "cart:checkout":
        cart.clear()
    elif kind in ("item:add", "item:remove"):
        item, quantity = _named(event)
        left = cart.get(item, 0) + (quantity if kind == "item:add" else -quantity)
        if left > 0:
            cart[item] = left
        else:
            cart.pop(item, None)
    else:
        raise ValueError(f"{kind!r} is no event of a cart")


def _named(event: Mapping[str, str]) -> tuple[str, int]:
    quantity = int(event.get("quantity", ""))
    if quantity <= 0 or not event.get("itemId"):
        raise ValueError("an item and a quantity above 0 are needed")
    return event["itemId"], quantity
