"""A drill of the models' life cycle: everything that may happen to a model, live, during traffic.

specimens > registry > stack with a worker and simulated listeners > acts > verify > figures
"""
