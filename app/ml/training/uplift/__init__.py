"""Uplift: what each action changes, for whom, learned from a log of who was given what by chance."""
