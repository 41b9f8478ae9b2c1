"""The files that clients read, rendered from a registry's ids. Pure text: no Pulumi, no reading, no token.

Passwords are never in them: clients ask a keyring or get a short-lived token when they run.
"""

from __future__ import annotations

from components.args import PythonRegistryArgs
from components.upstreams import PYPI

# The user name with which Artifact Registry takes an access token as password.
TOKEN_USER = "oauth2accesstoken"  # noqa: S105  # a user name


def repository_url(args: PythonRegistryArgs, repository: str) -> str:
    """Where uploads to a repository go."""
    return f"https://{_host_and_path(args, repository)}/"


def simple_url(args: PythonRegistryArgs, repository: str, user: str = "") -> str:
    """The simple index (PEP 503) of a repository, with a user name in it if given."""
    at = f"{user}@" if user else ""
    return f"https://{at}{_host_and_path(args, repository)}/simple/"


def index_url(args: PythonRegistryArgs) -> str:
    """The index that clients install from: the virtual repository's where there is one."""
    return simple_url(args, args.client_repository)


def pip_conf(args: PythonRegistryArgs) -> str:
    """`pip.conf`. Without the proxy, as `gcloud artifacts print-settings python` prints it."""
    option, url = _pip_index(args)
    return f"[global]\n{option} = {url}\n"


def requirements_txt(args: PythonRegistryArgs) -> str:
    """The line that a `requirements.txt` begins with."""
    option, url = _pip_index(args)
    return f"--{option} {url}\n"


def pypirc(args: PythonRegistryArgs) -> str:
    """`.pypirc`, as `gcloud artifacts print-settings python` prints it."""
    return (
        f"[distutils]\nindex-servers =\n    {args.repository}\n\n"
        f"[{args.repository}]\nrepository: {repository_url(args, args.repository)}\n"
    )


def uv_toml(args: PythonRegistryArgs) -> str:
    """`uv.toml`: private packages from the private index alone, whatever PyPI has of that name.

    uv takes a package from the first index that has it, so the two upstreams are listed one by one: the
    virtual repository would offer PyPI's higher version of a private name.
    """
    text = (
        'keyring-provider = "subprocess"\n\n'
        f'[[index]]\nname = "{args.repository}"\n'
        f'url = "{simple_url(args, args.repository, TOKEN_USER)}"\n'
        f'publish-url = "{repository_url(args, args.repository)}"\n'
    )
    for upstream in args.upstreams:
        repository = args.upstream_repository(upstream)
        text += f'\n[[index]]\nname = "{repository}"\nurl = "{simple_url(args, repository, TOKEN_USER)}"\n'
        if upstream == PYPI:
            text += "default = true\n"
    return text


def poetry_source(args: PythonRegistryArgs) -> str:
    """The source for a `pyproject.toml` that poetry reads."""
    priority = "primary" if args.pypi_proxy else "supplemental"
    return (
        f'[[tool.poetry.source]]\nname = "{args.client_repository}"\n'
        f'url = "{index_url(args)}"\npriority = "{priority}"\n'
    )


def docker_build(args: PythonRegistryArgs) -> str:
    """A build that gives the token to one step as a secret: no layer, no argument, no history has it."""
    return (
        'TOKEN="$(gcloud auth print-access-token)" docker build '
        f"--secret id=token,env=TOKEN --build-arg INDEX_URL={index_url(args)} ."
    )


def console_url(args: PythonRegistryArgs) -> str:
    """The upload repository in the Google Cloud console."""
    return (
        f"https://console.cloud.google.com/artifacts/python/{args.project}/{args.location}/"
        f"{args.repository}?project={args.project}"
    )


def _pip_index(args: PythonRegistryArgs) -> tuple[str, str]:
    """Which of pip's options names the index, and its address.

    With a user name in it where gcloud's form is not kept: uv, and pip as old as Debian 12's, ask a keyring
    that is installed elsewhere for one user alone (pip 11971), and a new environment has none of its own.
    And without a keyring provider: newer pips would then pass over the one of their own environment.
    """
    if args.pypi_proxy:
        return "index-url", simple_url(args, args.client_repository, TOKEN_USER)
    return "extra-index-url", index_url(args)


def _host_and_path(args: PythonRegistryArgs, repository: str) -> str:
    return f"{args.location}-python.pkg.dev/{args.project}/{repository}"
