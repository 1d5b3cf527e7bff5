"""Real listening logs, told as playback events and sent.

    models.formats (rows) > models.data.translate (facts) > models.data.telling (in time order)
    > producer

The same log gives the same records, byte for byte and in the same order, whenever it is replayed.
"""
