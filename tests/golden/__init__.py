"""Tests of the golden tier."""
