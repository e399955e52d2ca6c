"""Keep models answering: supervised worker processes, queues, deadlines, cancellation, restart.

Owns the workers and the socket protocol to them. Knows tensors and tokens, not learners. Refuses more
than its queue holds (Overloaded), and to unpickle anything.
"""
