"""What a cart is: the events of its log, applied one after the other."""

from __future__ import annotations

from collections.abc import Mapping

Cart = dict[str, int]
"""Quantity by item; an item of which there is none is not in it."""


CHANGE = {"item:add": 1, "item:remove": -1}


def apply(cart: Cart, event: Mapping[str, str]) -> None:
    """Change the cart as the event says. Raises ValueError for one that nobody understands; the cart is as before.

    More than there is cannot be removed: the rest is not owed.
    """
    kind = event.get("eventType", "")
    if change := CHANGE.get(kind):
        item, quantity = event.get("itemId"), int(event.get("quantity", ""))
        if not item or quantity <= 0:
            raise ValueError("an item and a quantity above 0 are needed")
        left = cart.get(item, 0) + change * quantity
        if left > 0:
            cart[item] = left
        else:
            cart.pop(item, None)
    elif kind == "cart:checkout":
        cart.clear()
    else:
        raise ValueError(f"{kind!r} is no event of a cart")
