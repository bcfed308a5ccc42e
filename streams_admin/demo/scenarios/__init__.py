"""The example systems of the Redis Streams tutorials, written as a team would write its own services.

Nothing here knows the dashboard: these are customers. Each process of a system (a producer, a worker) is a process of
its own, so that it can be killed for real. `manage.py scenario NAME` runs one.
"""
