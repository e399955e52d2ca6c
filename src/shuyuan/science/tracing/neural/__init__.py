"""The neural tracers, in torch: for child processes, benches and tests. What is served lives in `tracing.online`."""
