"""A project that installs from the private index: its own account, its own grant, its own `pip.conf`.

The program reads everything about the index from the registry's stack. It creates the grant itself, so the
registry must not revoke it: set `python-registry:access: additive` there.
"""

import signal

import pulumi
from pulumi_gcp import artifactregistry, projects, serviceaccount, storage
from python_registry_outputs import read_registry

# The CLI interrupts the program when an operation fails. Python would print a traceback below the message.
signal.signal(signal.SIGINT, signal.SIG_DFL)

config = pulumi.Config()
project = pulumi.Config("gcp").require("project")
name = config.get("name", "python-consumer")
registry = read_registry(config.require("registry"))

apis = {
    api: projects.Service(
        f"{api}-api", project=project, service=f"{api}.googleapis.com", disable_on_destroy=False
    )
    for api in ("iam", "storage")
}

account = serviceaccount.Account(
    "account",
    project=project,
    account_id=name,
    display_name="Installs private Python packages",
    create_ignore_already_exists=True,
    opts=pulumi.ResourceOptions(depends_on=[apis["iam"]]),
)
artifactregistry.RepositoryIamMember(
    "reads-index",
    project=registry.project,
    location=registry.location,
    repository=registry.index_repository,
    role="roles/artifactregistry.reader",
    member=account.member,
)

# Start-up scripts copy the file: `gcloud storage cp gs://…/pip.conf /etc/pip.conf`.
bucket = storage.Bucket(
    "settings",
    project=project,
    name=f"{project}-{name}",
    location=config.require("location"),
    uniform_bucket_level_access=True,
    public_access_prevention="enforced",
    opts=pulumi.ResourceOptions(depends_on=[apis["storage"]]),
)
pip_conf = storage.BucketObject(
    "pip-conf",
    bucket=bucket.name,
    name="pip.conf",
    content=registry.pip_conf,
    content_type="text/plain",
)
storage.BucketIAMMember(
    "reads-settings", bucket=bucket.name, role="roles/storage.objectViewer", member=account.member
)

pulumi.export("account", account.email)
pulumi.export("pip_conf", pulumi.Output.concat("gs://", bucket.name, "/", pip_conf.name))
