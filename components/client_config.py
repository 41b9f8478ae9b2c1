"""The files that clients read, rendered from a registry's ids.

Pure text: no Pulumi, no file access, no token. No file contains a password: clients ask a keyring, or get a
short-lived token when they run.
"""

from __future__ import annotations

from .args import PythonRegistryArgs
from .upstreams import PYPI

# With this user name, Artifact Registry accepts an access token as the password.
TOKEN_USER = "oauth2accesstoken"  # noqa: S105  # a user name


def repository_url(args: PythonRegistryArgs, repository: str) -> str:
    """The URL for uploads to a repository."""
    return f"https://{_host_and_path(args, repository)}/"


def simple_url(args: PythonRegistryArgs, repository: str, user: str = "") -> str:
    """The simple index (PEP 503) of a repository. The URL contains the user name, if there is one."""
    login = f"{user}@" if user else ""
    return f"https://{login}{_host_and_path(args, repository)}/simple/"


def index_url(args: PythonRegistryArgs) -> str:
    """The index that clients install from: the virtual repository's, if there is one."""
    return simple_url(args, args.client_repository)


def pip_conf(args: PythonRegistryArgs) -> str:
    """`pip.conf`. Without the proxy, as `gcloud artifacts print-settings python` prints it."""
    option, url = _pip_index(args)
    return f"[global]\n{option} = {url}\n"


def requirements_txt(args: PythonRegistryArgs) -> str:
    """The index line for a `requirements.txt`."""
    option, url = _pip_index(args)
    return f"--{option} {url}\n"


def pypirc(args: PythonRegistryArgs) -> str:
    """`.pypirc`, as `gcloud artifacts print-settings python` prints it."""
    return (
        f"[distutils]\nindex-servers =\n    {args.repository}\n\n"
        f"[{args.repository}]\nrepository: {repository_url(args, args.repository)}\n"
    )


def uv_toml(args: PythonRegistryArgs) -> str:
    """`uv.toml`: uv installs a private package only from the private index.

    uv uses the first index that has a package, so the file lists the repositories one by one. The virtual
    repository would offer PyPI's higher version of a private name.
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
    priority = "primary" if PYPI in args.upstreams else "supplemental"
    return (
        f'[[tool.poetry.source]]\nname = "{args.client_repository}"\n'
        f'url = "{index_url(args)}"\npriority = "{priority}"\n'
    )


def docker_build(args: PythonRegistryArgs) -> str:
    """A build command. It passes the token to one step as a secret, so no layer or history contains it."""
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
    """The pip option that names the index, and its URL.

    With PyPI in the index, the URL contains a user name. Without one, uv and old versions of pip do not
    ask a keyring outside the environment (pip 11971), and a new environment does not have one. The file
    does not name a keyring provider. Otherwise newer versions of pip would ignore the environment's own.
    """
    if PYPI in args.upstreams:
        return "index-url", simple_url(args, args.client_repository, TOKEN_USER)
    return "extra-index-url", index_url(args)


def _host_and_path(args: PythonRegistryArgs, repository: str) -> str:
    return f"{args.location}-python.pkg.dev/{args.project}/{repository}"
