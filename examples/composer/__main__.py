"""Cloud Composer that installs every package, PyPI's included, from the private index.

The program follows Google's page "Install Python dependencies" ("Install from an Artifact Registry
repository"). It puts `config/pip/pip.conf` into the environment's bucket, grants the environment's account
the reader role, and lists the packages on the environment. It creates the bucket first, so the first
installation finds the `pip.conf`. The registry needs `python-registry:access: additive`, otherwise it
revokes the grant.
"""

import signal

import pulumi
from pulumi_gcp import artifactregistry, composer, projects, serviceaccount, storage
from python_registry_outputs import read_registry

# The CLI interrupts the program when an operation fails. Python would print a traceback below the message.
signal.signal(signal.SIGINT, signal.SIG_DFL)

ACCOUNT = "composer-python"
# "Cloud Composer version list": the latest of the third generation. Pin one for a production environment.
IMAGE = "composer-3-airflow-2"

config = pulumi.Config()
project = pulumi.Config("gcp").require("project")
location = config.require("location")
registry = read_registry(config.require("registry"))

apis = {
    api: projects.Service(
        f"{api}-api", project=project, service=f"{api}.googleapis.com", disable_on_destroy=False
    )
    for api in ("composer", "iam", "storage")
}

account = serviceaccount.Account(
    "account",
    project=project,
    account_id=ACCOUNT,
    display_name="Runs Airflow, installs private Python packages",
    create_ignore_already_exists=True,
    opts=pulumi.ResourceOptions(depends_on=[apis["iam"]]),
)
reads_index = artifactregistry.RepositoryIamMember(
    "reads-index",
    project=registry.project,
    location=registry.location,
    repository=registry.index_repository,
    role="roles/artifactregistry.reader",
    member=account.member,
)

# "Use a custom environment's bucket": same project and region, standard class, no retention.
bucket = storage.Bucket(
    "environment-bucket",
    project=project,
    name=f"{project}-{ACCOUNT}",
    location=location,
    uniform_bucket_level_access=True,
    public_access_prevention="enforced",
    opts=pulumi.ResourceOptions(depends_on=[apis["storage"]]),
)
pip_conf = storage.BucketObject(
    "pip-conf",
    bucket=bucket.name,
    name="config/pip/pip.conf",
    content=registry.pip_conf,
    content_type="text/plain",
)

environment = config.get("environment")
if environment:
    composer.Environment(
        "environment",
        project=project,
        region=location,
        name=environment,
        storage_config=composer.EnvironmentStorageConfigArgs(bucket=bucket.name),
        config=composer.EnvironmentConfigArgs(
            # Neither tasks nor the builds that install packages can connect to the internet.
            enable_private_environment=True,
            enable_private_builds_only=True,
            node_config=composer.EnvironmentConfigNodeConfigArgs(service_account=account.email),
            software_config=composer.EnvironmentConfigSoftwareConfigArgs(
                image_version=IMAGE, pypi_packages=config.require_object("packages")
            ),
        ),
        opts=pulumi.ResourceOptions(depends_on=[apis["composer"], reads_index, pip_conf]),
    )

pulumi.export("account", account.email)
pulumi.export("pip_conf", pulumi.Output.concat("gs://", bucket.name, "/", pip_conf.name))
