"""The Google APIs that the program and its clients call, one folder per part and one module per host.

Owns what Google would own: projects, services, accounts, policies, repositories, buckets. Does not own
proxies, certificates or the clients' environment (`sandbox.runtime.proxy`, `sandbox.runtime.environment`).

Imports point one way. Each part imports only itself and the parts above it:

    core, packaging
        <- iam.roles, iam.members, iam.organization_policies, iam.policies
        <- projects
        <- iam.service_accounts, iam.workload_identity
        <- auth
        <- artifact_registry, storage, pypi
        <- python_index

`core.app` puts all hosts together, so only this module of `core` imports other parts. Nothing here imports
code outside `sandbox/`.
"""
