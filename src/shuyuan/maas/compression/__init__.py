"""Make a version smaller or faster: prune, quantise, distil, split. A child is a version with its parent and a table.

The server's half (`interface` to `routes`) is light: it keeps rows, starts one child process at a time, and registers
what comes back. `child` and everything it imports (`net`, `methods/`, `tuning`, `timing`) run in that process alone.
Works on ONNX graphs. Refuses graphs whose weights lie outside their file, and children that shrink nothing.
"""
