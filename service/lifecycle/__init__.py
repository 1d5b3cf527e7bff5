"""Models change while the worker serves: hot swap, shadow, canary, guard, fallback.

    control topic, registry > follower > admission (in a thread, beside the serving model)
                                            |
    batch > serving: roster, read once > champion | challenger (by user) > fallback
                                            |
    acknowledged > shadow (scores, never serves) and guard (outcomes by who ranked them)

roster, fallback, betting, trials, guard and agreement are pure.
"""
