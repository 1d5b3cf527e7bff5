"""The session recommender: what comes next in a session, learned from the sessions of a log."""
