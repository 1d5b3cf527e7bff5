"""Everything that makes traffic: the synthetic world, replay of real logs, demo, load."""
