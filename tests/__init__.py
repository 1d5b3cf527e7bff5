"""The tests, by tier: `python3 -m tests` runs them all."""
