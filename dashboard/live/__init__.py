"""How news travels: one blocking reader per server, a hub in the process, and sockets that carry it to viewers.

`tail` reads, `stream` remembers where and what, `feed` is what waits for one watch of one viewer, `hub` brings them
together, `connections` carry it as docs/live.md has it. Nothing here changes a watched Redis.
"""
