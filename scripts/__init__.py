"""Scripts a developer runs: assets, locks, pictures."""
