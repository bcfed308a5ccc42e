"""Numbers for Prometheus (docs/metrics.md): whoever has some registers them, `endpoint` serves them at /metrics."""
