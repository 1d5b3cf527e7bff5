"""Real listening logs, told as playback events.

    models.formats (rows) > translate (facts) > telling (records in time order) > producer

The same log gives the same records, byte for byte and in the same order, whenever it is replayed.
"""
