"""What every request passes and every answer carries: middleware, limits, parameters, problems, probes."""
