"""Google on loopback: for trying and testing the program without an account.

Nothing in `components/`, `settings/` or `__main__.py` knows of this package. It imitates only what
lives at Google; the Pulumi engine, the clients and the files they read are the real ones.
"""
