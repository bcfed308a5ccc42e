"""`make bench`: what a page, a read and an action cost beside the bare redis-py calls they stand for, in one run.

Each line printed is a JSON object. `ratio` is our time through theirs: 1.0 is as fast as redis-py alone. Nothing is
compared across runs: both sides take turns, round by round, on the same server and the same data.
"""
