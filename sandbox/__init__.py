"""Google on loopback, to try and test the program without a Google account.

`components/`, `settings/` and `__main__.py` do not know this package. It emulates only Google and PyPI. The
Pulumi engine, the clients and their files are real.
"""
