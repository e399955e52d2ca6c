"""What operators see of calls: Prometheus series, the last minutes for the live page, traces."""
