"""How news travels: one blocking reader per server, a hub in the process, and sockets that carry it to viewers.

`tail` reads, `stream` remembers where and what, `feed` is what waits for one watch of one viewer, `hub` brings them
together, `consumer` is the socket of docs/live.md. Nothing here changes a watched Redis.
"""
