"""A synthetic world: a catalogue and listeners who skip, finish, like and change their minds.

Everything follows from one seed. The service sees what a real one would see (titles, attributes,
popularity, events); what listeners truly like stays in here.
"""
