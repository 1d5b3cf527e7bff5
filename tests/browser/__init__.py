"""Tests of the browser tier."""
