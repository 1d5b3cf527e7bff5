"""The registry's writing side: versions that never change, aliases that move, an audit of both."""
