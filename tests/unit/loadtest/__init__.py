"""Traffic: replay, pace, the latency check, the demo's listeners."""
