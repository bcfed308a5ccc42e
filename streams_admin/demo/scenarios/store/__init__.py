"""The carts as their projectors keep them: leases on logs, events folded into a cart, the cart stored in Redis."""
