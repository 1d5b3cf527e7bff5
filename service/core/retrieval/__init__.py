"""Candidates and evidence from the sessions of a log: what a session model's ranker reads.

    index      what a log says, in arrays that processes share
    kernels    compiled loops over one session, each a stage of `retrieve`
    retrieve   session by session: neighbours, links, ring, nearest items > union > evidence

Training, judging and serving call the same `retrieve`. Importing this package loads no compiler.
"""

from service.core.retrieval.evidence import EVIDENCE_FEATURES

__all__ = ["EVIDENCE_FEATURES"]
