"""The inference API: who may call which model, how much, and what it cost.

Owns quotas and the ledger of calls, the OpenAI-compatible `/v1`, and the text services on top of models.
Every call, over HTTP or in process, takes the same way: exam mode → model located → quota reserved and ledger
row written (one unit) → engine → quota settled exactly once, whatever happens to the client, the worker or
this process. Knows principals and tokens; never a learner. Emits nothing. Refuses work over its caps before
any model sees it.
"""
