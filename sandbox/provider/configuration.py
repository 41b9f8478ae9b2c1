"""The fake provider's configuration: the settings of a stack (`gcp:…`) and the environment variables.

Owns which settings exist, and the rule that the provider connects only to the sandbox's proxy.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from sandbox.provider.rest import ProviderError, Transport, proxy_transport
from sandbox.provider.values import Props

CONFIG_KEYS = "accessToken billingProject project region userProjectOverride zone".split()
# Settings for the real provider's login and its batches of requests. A team's stack file can have them.
# They have no effect here, because the sandbox sets the token.
IGNORED_CONFIG_KEYS = (
    "batching credentials impersonateServiceAccount impersonateServiceAccountDelegates requestReason "
    "requestTimeout scopes"
).split()
# The engine's own additions to a provider's settings.
ENGINE_KEYS = ("version", "pluginDownloadURL")
# provider/resources.go: where the real provider looks for a project that the stack does not set.
PROJECT_VARIABLES = "GOOGLE_PROJECT GOOGLE_CLOUD_PROJECT GCLOUD_PROJECT CLOUDSDK_CORE_PROJECT".split()
TOKEN_VARIABLE = "GOOGLE_OAUTH_ACCESS_TOKEN"  # noqa: S105 - a variable's name
PROXY_VARIABLES = ["HTTPS_PROXY", "https_proxy"]
AUTHORITY_VARIABLES = ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"]

Environment = Mapping[str, str]


def unknown_settings(settings: Props) -> dict[str, str]:
    """The settings that the fake provider does not know, with a message for each."""
    unknown = set(settings) - {*CONFIG_KEYS, *IGNORED_CONFIG_KEYS, *ENGINE_KEYS}
    return {
        key: f"the fake provider does not know gcp:{key}, only {', '.join(CONFIG_KEYS)}"
        for key in sorted(unknown)
    }


def find_project(settings: Props, environment: Environment) -> str | None:
    """The project of the stack's settings, otherwise of the environment."""
    return settings.get("project") or _first(environment, PROJECT_VARIABLES)


def sandbox_transport(environment: Environment, token: str | None) -> Transport:
    """The connection to the sandbox, from the usual variables. Refuses every other connection."""
    proxy = _first(environment, PROXY_VARIABLES)
    if not proxy or not _is_loopback(proxy):
        raise ProviderError(
            "this is a fake provider that works only in the sandbox and never connects to Google. "
            f"It runs only if HTTPS_PROXY is the sandbox's proxy on loopback, not {proxy!r}"
        )
    token = token or environment.get(TOKEN_VARIABLE)
    if not token:
        raise ProviderError(f"no access token: set {TOKEN_VARIABLE} (the sandbox sets it)")
    return proxy_transport(proxy, _first(environment, AUTHORITY_VARIABLES) or True, token)


def _first(environment: Environment, names: Sequence[str]) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)


def _is_loopback(proxy: str) -> bool:
    host = urlsplit(proxy).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
