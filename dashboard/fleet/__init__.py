"""The whole fleet at once: sampled in the background, judged, ready to be read by pages without asking a server.

From outside, import `dashboard.fleet.store` only.
"""
