"""Tests of the contract tier."""
