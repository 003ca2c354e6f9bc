"""What the world does to a service, done to this one on purpose: all of it by `make weather`, a little by `make test`.

Each storm sets up a PostgreSQL, the service and its worker as processes of their own, spoils one thing after another,
and tells as rows of a table what was promised, what was measured, and whether the one is kept by the other.
"""
