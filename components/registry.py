"""The component: a private Python index, and the outputs that other projects read.

Composes the other modules and owns the outputs, the contract with other projects. Each annotation of the
class is an output, and the text below it is its description. The component does not manage the project,
its billing, its organization policies, the Cloud Resource Manager API, or packages.
"""

# No `from __future__ import annotations` here: Pulumi's analyzer for component packages needs real types.

import inspect

import pulumi

from . import client_config
from .adoption import find_imports
from .apis import enable_apis
from .args import PythonRegistryArgs
from .argument_checks import check_arguments
from .download_rules import deny_private_packages
from .iam import create_grants, repository_grants, token_creator_grants, workflow_grants
from .repositories import create_repositories
from .retry_hook import RetryHook
from .service_accounts import create_service_accounts
from .workload_identity import trust_github

# Raised if an output is renamed, removed or changes its meaning. A new output does not raise it.
CONTRACT_VERSION = 1


class PythonRegistry(pulumi.ComponentResource):
    """A private Python package index on Artifact Registry."""

    contract_version: int
    """Version of the outputs' names and meanings."""

    project: str
    """ID of the project."""

    location: str
    """Region or multi-region."""

    repository: str
    """ID of the upload repository."""

    repository_name: str
    """Full resource name of the upload repository."""

    repository_url: str
    """URL for uploads."""

    index_url: str
    """URL that clients install from."""

    pip_conf: str
    """Rendered `pip.conf`."""

    pypirc: str
    """Rendered `.pypirc`."""

    requirements_txt: str
    """Index line for a `requirements.txt`."""

    uv_toml: str
    """Rendered `uv.toml`."""

    poetry_source: str
    """Source for a `pyproject.toml` that poetry reads."""

    docker_build: str
    """Build command that passes the token as a build secret."""

    reader_email: pulumi.Output[str]
    """Email address of the reader account. Empty without service accounts."""

    writer_email: pulumi.Output[str]
    """Email address of the writer account. Empty without service accounts."""

    workload_identity_provider: pulumi.Output[str]
    """Full name of the provider for keyless publishing. Empty without `github`. Only this output can be
    unknown in a preview: it contains the project's number."""

    console_url: str
    """Address of the upload repository in the Google Cloud console."""

    def __init__(
        self,
        name: str,
        args: PythonRegistryArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        Args:
            name: name of the registry. The names of all its resources start with it.
            args: the inputs.
            opts: Pulumi's options. The resources of the registry inherit the providers.

        Raises:
            ArgumentError: names every problem of the inputs, with value, rule and fix.
            AdoptionError: names every reason why Pulumi cannot adopt a repository.
        """
        args = check_arguments(name, args)
        super().__init__("python-registry:index:PythonRegistry", name, opts=opts)
        child = pulumi.ResourceOptions(parent=self, hooks=RetryHook(args).binding)
        imports = find_imports(name, args, self)
        apis = enable_apis(name, args, child)
        repositories = create_repositories(name, args, apis, imports, child)
        accounts = create_service_accounts(name, args, apis, repositories, child)
        github = trust_github(name, args, apis, child)
        grants = [
            *repository_grants(args, repositories, accounts),
            *token_creator_grants(args, accounts),
            *workflow_grants(github, accounts),
        ]
        create_grants(name, args, grants, child)
        deny_private_packages(name, args, repositories, child)

        # From the inputs where possible, so that a preview shows the values.
        self.contract_version = CONTRACT_VERSION
        self.project = args.project
        self.location = args.location
        self.repository = args.repository
        self.repository_name = args.repository_name(args.repository)
        self.repository_url = client_config.repository_url(args, args.repository)
        self.index_url = client_config.index_url(args)
        self.pip_conf = client_config.pip_conf(args)
        self.pypirc = client_config.pypirc(args)
        self.requirements_txt = client_config.requirements_txt(args)
        self.uv_toml = client_config.uv_toml(args)
        self.poetry_source = client_config.poetry_source(args)
        self.docker_build = client_config.docker_build(args)
        # Empty instead of None: Pulumi drops a None, and the output would be missing.
        self.reader_email = pulumi.Output.from_input(accounts.reader.email if accounts else "")
        self.writer_email = pulumi.Output.from_input(accounts.writer.email if accounts else "")
        self.workload_identity_provider = pulumi.Output.from_input(github.provider.name if github else "")
        self.console_url = client_config.console_url(args)
        self.register_outputs(self.outputs())

    def outputs(self) -> dict[str, pulumi.Input[str | int]]:
        """The outputs of the contract by name."""
        return {name: getattr(self, name) for name in OUTPUTS}


OUTPUTS = tuple(inspect.get_annotations(PythonRegistry))
