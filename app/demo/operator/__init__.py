"""A simulated operator: a made-up world whose truth is known, so that what was learned can be held against it.

Nothing in it is about real people, and wherever it is shown it is called simulated. A world is made block by block of
subscribers, each from its own seed: a larger world begins with the smaller one's subscribers, and memory stays flat.
"""
