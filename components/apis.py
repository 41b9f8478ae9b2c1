"""The Google APIs that the other resources need.

Owns which services are enabled. No update disables them again: other programs in the project may use them.
Service Usage is on in every project. Cloud Resource Manager must be on before the first `pulumi up`.
"""

from __future__ import annotations

import pulumi
from pulumi_gcp import projects

from .args import PythonRegistryArgs

ARTIFACT_REGISTRY = "artifactregistry.googleapis.com"
IAM = "iam.googleapis.com"
IAM_CREDENTIALS = "iamcredentials.googleapis.com"
STS = "sts.googleapis.com"


def needed_apis(args: PythonRegistryArgs) -> list[str]:
    """The services to enable. Service accounts need two more, and `github` needs the token exchange."""
    accounts = [IAM, IAM_CREDENTIALS] if args.service_accounts else []
    return [ARTIFACT_REGISTRY, *accounts, *([STS] if args.github else [])]


def enable_apis(
    name: str, args: PythonRegistryArgs, opts: pulumi.ResourceOptions
) -> dict[str, projects.Service]:
    """Enable the services. Returns them by name, so that other resources can depend on them."""
    return {
        service: projects.Service(
            f"{name}-{service.partition('.')[0]}-api",
            project=args.project,
            service=service,
            disable_on_destroy=False,
            opts=opts,
        )
        for service in needed_apis(args)
    }
