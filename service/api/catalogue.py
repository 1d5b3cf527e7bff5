"""The catalogue as people read it: cards with titles, and a small search over them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, islice

from service.api.ports import ItemCard
from service.core.events import CONTENT_TYPES, ArtistId, ItemId
from service.core.items import ATTRIBUTES, ItemTable, Names


class TableCatalogue:
    """Cards read from the item table and its names. Implements `Catalogue`."""

    def __init__(self, table: ItemTable, names: Names) -> None:
        self._table = table
        self._names = names

    def __len__(self) -> int:
        """How many items there are."""
        return len(self._table)

    def card(self, item_id: str) -> ItemCard | None:
        """Return the item's card, or None if the catalogue does not know it."""
        row = self._table.row_of(item_id)
        return None if row is None else self._card(row)

    def artist_name(self, artist_id: str) -> str | None:
        """Return the name of an artist, show, author or channel, or None."""
        row = self._table.artist_rows.get(artist_id)
        return None if row is None else self._names.artist_names[row]

    def search(self, text: str, limit: int) -> list[ItemCard]:
        """Return the items whose title begins with `text`, then those that contain it."""
        wanted = text.casefold()
        return [self._card(row) for row in islice(self._matches(wanted), limit)]

    def _matches(self, wanted: str) -> Iterator[int]:
        titles = self._folded_titles
        begins = (row for row, title in enumerate(titles) if title.startswith(wanted))
        contains = (row for row, title in enumerate(titles) if title.find(wanted) > 0)
        return chain(begins, contains)

    @cached_property
    def _folded_titles(self) -> Sequence[str]:
        return [title.casefold() for title in self._names.titles]

    def _card(self, row: int) -> ItemCard:
        table, names = self._table, self._names
        artist, series = int(table.artist[row]), int(table.series[row])
        duration_s = int(table.duration_s[row])
        return ItemCard(
            item_id=ItemId(table.ids[row]),
            title=names.titles[row],
            content_type=CONTENT_TYPES[int(table.content_type[row])],
            artist_id=ArtistId(table.artist_ids[artist]) if artist >= 0 else None,
            artist=names.artist_names[artist] if artist >= 0 else None,
            series=names.series_names[series] if series >= 0 else None,
            duration_ms=duration_s * 1000 if duration_s > 0 else None,
            explicit=bool(table.explicit[row]),
            attributes=self._attributes(row),
        )

    def _attributes(self, row: int) -> Mapping[str, float]:
        values = zip(ATTRIBUTES, map(float, self._table.attributes[row]), strict=True)
        return {name: round(value, 3) for name, value in values if not math.isnan(value)}
