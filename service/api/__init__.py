"""The reading side over HTTP: slates and their stream, intake of events, the live page."""
