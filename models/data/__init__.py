"""Event logs to training sessions: dumps, the service's own fold, schemas, leaks, lineage."""
