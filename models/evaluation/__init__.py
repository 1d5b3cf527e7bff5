"""Judging models: exposures, logged policies, replay over time, the gate, and records of runs."""
