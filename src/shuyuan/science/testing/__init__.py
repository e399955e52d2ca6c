"""Tests as measurement: item banks, item response theory, diagnosis, adaptive testing. Knows numbers, not people."""
