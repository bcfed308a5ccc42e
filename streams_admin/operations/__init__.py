"""How an operation runs: batch by batch, saved before and after, at a pace, and only as long as its owner may."""
