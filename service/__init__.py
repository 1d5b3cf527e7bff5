"""Segue's serving side: events in, session state, ranked slates out."""
