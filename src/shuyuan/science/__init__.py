"""Pure algorithms: arrays in, arrays out. Refuses databases, HTTP and the kernel."""
