"""The fake provider's configuration: the settings of a stack (`gcp:…`) and the environment variables.

Owns which settings exist, and the rule that the provider connects only to the sandbox's proxy.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from sandbox.provider.resources import CREATION_ONLY, PROACTIVE
from sandbox.provider.rest import ProviderError, Transport, proxy_transport
from sandbox.provider.values import Json, Props

CONFIG_KEYS = "accessToken billingProject project region userProjectOverride zone".split()
# Settings for the labels that the provider adds to each resource with labels.
DEFAULT_LABELS, ATTRIBUTION = "defaultLabels", "addPulumiAttributionLabel"
ATTRIBUTION_STRATEGY = "pulumiAttributionLabelAdditionStrategy"
LABEL_KEYS = (DEFAULT_LABELS, ATTRIBUTION, ATTRIBUTION_STRATEGY)
# Settings for the login, the requests and the warnings of the real provider. They have no effect here,
# because the sandbox sets the token and no request leaves the machine.
IGNORED_CONFIG_KEYS = (
    "batching credentials disableGlobalProjectWarning disableGooglePartnerName externalCredentials "
    "googlePartnerName impersonateServiceAccount impersonateServiceAccountDelegates pollInterval "
    "requestReason requestTimeout scopes skipRegionValidation"
).split()
# The engine's own additions to a provider's settings.
ENGINE_KEYS = ("version", "pluginDownloadURL")
# provider/resources.go: where the real provider looks for a project that the stack does not set.
PROJECT_VARIABLES = "GOOGLE_PROJECT GOOGLE_CLOUD_PROJECT GCLOUD_PROJECT CLOUDSDK_CORE_PROJECT".split()
TOKEN_VARIABLE = "GOOGLE_OAUTH_ACCESS_TOKEN"  # noqa: S105 - a variable's name
PROXY_VARIABLES = ["HTTPS_PROXY", "https_proxy"]
AUTHORITY_VARIABLES = ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"]

Environment = Mapping[str, str]


def wrong_settings(settings: Props) -> dict[str, str]:
    """The settings that the fake provider refuses, with a message for each."""
    accepted = sorted((*CONFIG_KEYS, *LABEL_KEYS, *IGNORED_CONFIG_KEYS))
    wrong = {
        key: f"the sandbox does not emulate gcp:{key}, remove it for the sandbox. "
        f"The sandbox accepts {', '.join(accepted)}"
        for key in sorted(set(settings) - {*accepted, *ENGINE_KEYS})
    }
    labels, strategy = _value(settings.get(DEFAULT_LABELS)), settings.get(ATTRIBUTION_STRATEGY)
    if labels is not None and not isinstance(labels, dict):
        wrong[DEFAULT_LABELS] = f"gcp:{DEFAULT_LABELS} must be a map of labels, not {labels!r}"
    if strategy not in (None, CREATION_ONLY, PROACTIVE):
        wrong[ATTRIBUTION_STRATEGY] = f"unrecognized {ATTRIBUTION_STRATEGY} {strategy!r}"
    return wrong


def default_labels(settings: Props) -> dict[str, str]:
    """The labels that each resource with labels gets, unless it has its own of that key."""
    labels = _value(settings.get(DEFAULT_LABELS)) or {}
    return {key: text if isinstance(text, str) else json.dumps(text) for key, text in labels.items()}


def attribution_strategy(settings: Props) -> str:
    """When the provider adds its own label: at creation, always, or never (an empty text)."""
    is_on = _value(settings.get(ATTRIBUTION)) is not False
    return settings.get(ATTRIBUTION_STRATEGY) or CREATION_ONLY if is_on else ""


def _value(setting: Json) -> Json:
    """The value of a setting: the engine passes everything but text on as JSON."""
    if not isinstance(setting, str):
        return setting
    try:
        return json.loads(setting)
    except ValueError:
        return setting


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
