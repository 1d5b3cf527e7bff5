"""The default recipe: every number of the session recommender in one place.

The same for every data set; models/LOG.md says what each was chosen on, and what was tried.
"""

from dataclasses import dataclass, field

from models.fit_choices import ChoiceRecipe


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderRecipe:
    """How the GRU session encoder learns."""

    dim: int = 128
    epochs: int = 5
    batch_positions: int = 1024
    negatives: int = 1024
    negatives_power: float = 0.75
    tau: float = 0.08
    dropout: float = 0.15
    recency: float = 2.0  # a session's weight: exp(-recency * its age as a share of the log)
    table_rate: float = 8e-3
    dense_rate: float = 2e-3
    weight_decay: float = 1e-4
    warm_up_steps: int = 100
    noise: float = 0.1
    history: bool = True  # read the listener's earlier sessions too


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourRecipe:
    """How sessions like this one are found, and what they say."""

    sessions: int = 100
    postings_max: int = 100  # newest sessions an item is looked up in
    fade_plays: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RankerRecipe:
    """How the ranker over the union of candidates learns."""

    slice_share: float = 0.1  # of the newest sessions: the ranker's, unseen by its base models
    queries_max: int = 80_000
    calibration_share: float = 0.1  # of the newest queries of the slice: for calibration alone
    choice: ChoiceRecipe = field(default_factory=ChoiceRecipe)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All of it."""

    encoder: EncoderRecipe = field(default_factory=EncoderRecipe)
    neighbours: NeighbourRecipe = field(default_factory=NeighbourRecipe)
    ranker: RankerRecipe = field(default_factory=RankerRecipe)
    per_source: int = 100


DEFAULT = Recipe()
