"""What belongs to rounds of the sampler: the points of a chart, one for each round."""
