"""The Google APIs that the program and its clients ask, one module per host.

Owns what Google would own: projects, services, accounts, policies, repositories. Knows nothing of
proxies, certificates or the clients' environment (`sandbox.runtime.proxy`, `sandbox.runtime.environment`).
"""
