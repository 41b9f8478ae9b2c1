"""Cloud Composer with the private index as its only one: PyPI's packages come through it as well.

As Google's page "Install Python dependencies" has it ("Install from an Artifact Registry repository"):
`config/pip/pip.conf` in the environment's bucket, its account a reader of the repository, the packages
listed on the environment. The bucket is made first, and the environment given it, so that the first
installation has its `pip.conf` already. The registry must leave the grant alone:
`python-registry:access: additive` there.
"""

import pulumi
from pulumi_gcp import artifactregistry, composer, projects, serviceaccount, storage
from python_registry_outputs import read_registry

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
            # No way out, neither for tasks nor for the builds that install packages.
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
