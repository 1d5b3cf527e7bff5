"""What an operator uses: verify, doctor, dead letters, tail, contracts. Never on the hot path."""
