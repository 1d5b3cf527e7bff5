"""Candidate sources: each proposes items for all sessions of a poll; a union of them is ranked."""

from service.core.candidates import CandidateSource
from service.core.items import ItemTable
from service.sources.continue_listening import ContinueListening
from service.sources.neighbours import Neighbours
from service.sources.popular import Fresh, Popular
from service.sources.session_vector import SessionVector
from service.sources.steered import MoreLike


def default_sources(table: ItemTable) -> tuple[CandidateSource, ...]:
    """The sources of a worker, in the order in which their numbers become bits."""
    return (
        SessionVector(table),
        Neighbours(),
        ContinueListening(),
        Popular(table),
        Fresh(table),
        MoreLike(table),
    )
