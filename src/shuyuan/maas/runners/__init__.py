"""One file per way to run a model. Knows files and tensors, not accounts, quotas or learners.

Loaded only inside a worker process, by dotted name, so that a server never imports a model library.
Refuses pickle, remote files and any code that came with a model.
"""
