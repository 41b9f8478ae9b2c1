"""The Google APIs that the other resources need, enabled.

Never disabled again: others in the project may use them, and a destroy must not break what it did not
make. Service Usage is on in every project; Cloud Resource Manager must be on beforehand (README,
"Deploy to a real project").
"""

from __future__ import annotations

import pulumi
from pulumi_gcp import projects

from components.args import PythonRegistryArgs

ARTIFACT_REGISTRY = "artifactregistry.googleapis.com"
IAM = "iam.googleapis.com"
IAM_CREDENTIALS = "iamcredentials.googleapis.com"
STS = "sts.googleapis.com"


def needed_apis(args: PythonRegistryArgs) -> list[str]:
    """The services to enable: those for accounts, their tokens and exchanged tokens only with those."""
    accounts = [IAM, IAM_CREDENTIALS] if args.service_accounts else []
    return [ARTIFACT_REGISTRY, *accounts, *([STS] if args.github else [])]


def enable_apis(
    name: str,
    args: PythonRegistryArgs,
    parent: pulumi.Resource,
    hooks: pulumi.ResourceHookBinding,
) -> dict[str, projects.Service]:
    """Enable what is needed; the services by their names, for others to depend on."""
    return {
        service: projects.Service(
            f"{name}-{service.partition('.')[0]}-api",
            project=args.project,
            service=service,
            disable_on_destroy=False,
            opts=pulumi.ResourceOptions(parent=parent, hooks=hooks),
        )
        for service in needed_apis(args)
    }
