"""Offline: datasets, training, evaluation, export.

Imports service.core, so that training and serving compute the same states and the same features.
"""
