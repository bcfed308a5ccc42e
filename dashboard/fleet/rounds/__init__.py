"""What belongs to rounds of the sampler: which streams are looked into, the look itself, and the points of the charts.

`glances` sees what changed, `agenda` knows what is looked into without that, `looks` looks, in `slices`.
"""
