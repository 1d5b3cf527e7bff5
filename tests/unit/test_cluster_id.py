"""A new Kafka node's cluster id: as Kafka writes ids, and never one that its own tool refuses."""

from uuid import UUID

from service.embedded.kafka import new_cluster_id

LIKE_AN_OPTION = UUID(int=0b111110 << 122)  # its first six bits are a dash in URL-safe base64
PLAIN = UUID(int=1)


def test_an_id_is_22_characters_of_url_safe_base64() -> None:
    assert new_cluster_id(lambda: PLAIN) == "AAAAAAAAAAAAAAAAAAAAAQ"


def test_an_id_that_looks_like_an_option_is_drawn_again() -> None:
    draws = iter([LIKE_AN_OPTION, PLAIN])
    assert new_cluster_id(lambda: next(draws)) == "AAAAAAAAAAAAAAAAAAAAAQ"
