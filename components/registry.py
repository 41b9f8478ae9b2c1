"""The one component that a program needs: a private Python index, and what its clients are told.

Composes the other modules and owns the outputs, the contract with other projects. What it deliberately
does not own: the project, its billing and its organisation's policies; Cloud Resource Manager being on;
packages; grants on the project or above.
"""

from __future__ import annotations

import pulumi

from components import client_config
from components.apis import enable_apis
from components.args import PythonRegistryArgs
from components.download_rules import deny_private_packages
from components.iam import grant_access, mark_access
from components.impersonation import grant_impersonation
from components.repositories import make_repositories
from components.retry_hook import Propagation
from components.service_accounts import make_service_accounts
from components.workload_identity import federate_github

# Raised when an output is renamed, removed or changes its meaning; added outputs leave it.
CONTRACT_VERSION = 1


class PythonRegistry(pulumi.ComponentResource):
    """A private Python package index on Artifact Registry.

    Attributes:
        contract_version: version of these outputs' names and meanings.
        project: id of the project.
        location: region or multi-region.
        repository: id of the upload repository.
        repository_name: its full resource name.
        repository_url: where uploads go.
        index_url: where clients install from.
        pip_conf: rendered `pip.conf`.
        pypirc: rendered `.pypirc`.
        requirements_txt: the index line of a `requirements.txt`.
        uv_toml: rendered `uv.toml`.
        poetry_source: the source for a `pyproject.toml`.
        docker_build: a build command that passes the token as a build secret.
        reader_email: e-mail address of the reader account, empty without accounts.
        writer_email: e-mail address of the writer account, empty without accounts.
        workload_identity_provider: full name of the provider for keyless publishing, empty without.
        console_url: the upload repository in the console.
    """

    def __init__(
        self,
        name: str,
        args: PythonRegistryArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("python-registry:index:PythonRegistry", name, opts=opts)
        hooks = Propagation(name, args).hooks
        apis = enable_apis(name, args, self, hooks)
        repositories = make_repositories(name, args, apis, self, hooks)
        accounts = make_service_accounts(name, args, apis, repositories, self, hooks)
        mark = mark_access(name, args, self)
        grant_access(name, args, repositories, accounts, mark, self, hooks)
        grant_impersonation(name, args, accounts, mark, self, hooks)
        provider = federate_github(name, args, accounts, apis, mark, self, hooks)
        deny_private_packages(name, args, repositories, self, hooks)

        # From the arguments wherever they decide: a preview then shows what clients will get.
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
        # Empty rather than None: the engine drops a None, and a consumer would miss the output.
        self.reader_email = accounts.reader.email if accounts else ""
        self.writer_email = accounts.writer.email if accounts else ""
        # The one output that is known only once it is made: Google puts the project's number into it.
        self.workload_identity_provider = provider.name if provider else ""
        self.console_url = client_config.console_url(args)
        self.register_outputs(self.outputs())

    def outputs(self) -> dict[str, pulumi.Input[str | int]]:
        """The contract: every public attribute by its name."""
        return {name: getattr(self, name) for name in OUTPUTS}


OUTPUTS = (
    "contract_version",
    "project",
    "location",
    "repository",
    "repository_name",
    "repository_url",
    "index_url",
    "pip_conf",
    "pypirc",
    "requirements_txt",
    "uv_toml",
    "poetry_source",
    "docker_build",
    "reader_email",
    "writer_email",
    "workload_identity_provider",
    "console_url",
)
