"""What calls may cost and did cost: quotas reserved and settled, the ledger, what schools have set."""
