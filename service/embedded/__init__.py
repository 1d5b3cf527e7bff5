"""The embedded stack: a broker and a store as child processes, for a machine that has neither.

stack.py    broker > store > topics > ready, each step waiting on the one before
kafka.py    real Apache Kafka       mock.py    librdkafka's in-memory cluster
valkey.py   real Valkey             process.py children that cannot outlive their parent
"""
