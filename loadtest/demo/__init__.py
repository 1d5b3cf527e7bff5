"""Simulated listeners who hear what the service pushes, and what one sees of it.

audience (closed loop) > events > worker > slates > newest > audience
slates > stages > board
"""
