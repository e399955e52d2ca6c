"""The work on tables, done in a child process only: predicting, measuring, searching for errors, timing.

Imports polars and onnxruntime; the server never imports this.
"""
