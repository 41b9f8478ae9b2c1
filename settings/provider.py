"""The Google provider's own settings (`gcp:…`), as far as the program must read them.

Owns two cases: labels that the provider adds to all repositories, and stacks without default providers. The
provider itself checks its settings.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from importlib.metadata import version
from typing import Any, cast

import pulumi

from components.validation import LABEL_LIMIT, Problem

PACKAGE = "gcp"
DEFAULT_LABELS = "gcp:defaultLabels"
SWITCH = "pulumi:disable-default-providers"


def provider_options(values: Mapping[str, str], secret_keys: Collection[str]) -> pulumi.ResourceOptions:
    """The options of a component, with a provider if the stack has no default one.

    Some companies switch default providers off in all their stacks. The program then creates a provider
    with the same settings. No other resource changes its name, and Pulumi does not replace any.

    Args:
        values: the configuration of the running stack, as the engine passes it on.
        secret_keys: the full keys whose values are encrypted.
    """
    if not _has_no_default(values.get(SWITCH, "")):
        return pulumi.ResourceOptions()
    properties = {
        key.partition(":")[2]: pulumi.Output.secret(text) if key in secret_keys else text
        for key, text in values.items()
        if key.startswith(f"{PACKAGE}:")
    }
    # The version of the default provider, which the classes of `pulumi_gcp` ask for.
    opts = pulumi.ResourceOptions(version=version("pulumi-gcp"))
    return pulumi.ResourceOptions(providers=[pulumi.ProviderResource(PACKAGE, PACKAGE, properties, opts)])


def default_label_problems(values: Mapping[str, str], labels: object) -> list[Problem]:
    """The problem of too many labels, if the provider's labels add to the repositories' own."""
    defaults, own = _json(values.get(DEFAULT_LABELS, "")), labels
    if not isinstance(defaults, dict) or not isinstance(own, dict):
        return []
    added, kept = cast("dict[str, Any]", defaults), cast("dict[str, Any]", own)
    count = len({*added, *kept})
    if count <= LABEL_LIMIT or len(kept) > LABEL_LIMIT:
        return []
    rule = f"with python-registry:labels these are {count} labels, and a repository can have {LABEL_LIMIT}"
    return [Problem(DEFAULT_LABELS, f"{len(added)} labels", rule, "remove some")]


def _has_no_default(text: str) -> bool:
    """Whether a list of packages without a default provider names this one. Pulumi checks its form."""
    packages = _json(text)
    names = cast("list[object]", packages) if isinstance(packages, list) else []
    return any(isinstance(name, str) and name.strip() in ("*", PACKAGE) for name in names)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
