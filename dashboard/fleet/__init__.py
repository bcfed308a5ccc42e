"""The whole fleet at once: sampled in the background, judged, ready to be read by pages without asking a server.

Import from `dashboard.fleet.reading`, `.sampler`, `.snapshot` and `.findings`.
"""
