"""Several registries in one program: each has its own resources, waits and provider."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.e2e.test_faults import faults
from tests.support.consumers import WAYS, is_unchanged, message_of, use_consumer
from tests.support.sandbox import Program

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

ways = pytest.mark.parametrize("way", WAYS)
TEAM = """
class Team(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__(f"teams:index:{name}", "team", None, opts)
"""
PROGRAMS = {
    "one project": 'create("a", repository="first"); create("b", repository="second")',
    "two projects": 'create("a"); create("b", project=PROJECT + "-other")',
    "one name": f"""
{TEAM}
for team in ("A", "B"):
    create(opts=pulumi.ResourceOptions(parent=Team(team)), repository=f"team-{{team.lower()}}")
""",
}
PROVIDER = f"""
{TEAM}
mine = pulumi_gcp.Provider("mine", project=PROJECT)
providers = [mine, *PACKAGES]
create("a", opts=pulumi.ResourceOptions(providers=providers), repository="first")
team = Team("A", pulumi.ResourceOptions(providers=providers))
create("b", opts=pulumi.ResourceOptions(parent=team), repository="second")
"""
# Without default providers, a package needs a provider of its own too.
PACKAGES = {
    "library": "PACKAGES = []",
    "package": "PACKAGES = [pulumi.ProviderResource('python-registry', 'package', {})]",
}


@ways
@pytest.mark.parametrize("code", PROGRAMS.values(), ids=PROGRAMS)
def test_two_registries_are_created_and_then_nothing_changes(
    consumer: Program, way: str, code: str
) -> None:
    use_consumer(consumer, way, code)
    with faults(consumer, "api-delay=3", "account-delay=1", "member-delay=2"):
        consumer.up()
    assert is_unchanged(consumer.up())
    assert "errored" not in consumer.destroy()


@ways
def test_every_resource_has_the_provider_of_the_registry_or_its_parent(consumer: Program, way: str) -> None:
    consumer.pulumi("config", "set", "--path", "pulumi:disable-default-providers[0]", "*")
    use_consumer(consumer, way, PACKAGES[way] + PROVIDER)
    consumer.up()
    exported = json.loads(consumer.pulumi("stack", "export").stdout)["deployment"]["resources"]
    gcp = [resource for resource in exported if resource["type"].startswith("gcp:")]
    assert Counter(resource["provider"].split("::")[-2] for resource in gcp) == {"mine": len(gcp)}
    assert is_unchanged(consumer.up())


@ways
@pytest.mark.parametrize("second", ["python", "python-index"])
def test_the_preview_refuses_two_registries_with_one_repository(
    consumer: Program, way: str, second: str
) -> None:
    use_consumer(consumer, way, f'create("a"); create("b", repository="{second}", pypi_proxy=False)')
    text = message_of(consumer, "preview")
    repository = f"projects/{consumer.project}/locations/us-central1/repositories/{second}"
    assert f"creates {repository} too; choose another id, or another project" in text
    assert "Traceback" not in text


@ways
def test_a_plugin_counts_a_registry_once_per_update(consumer: Program, way: str) -> None:
    use_consumer(consumer, way, "create(service_accounts=False, pypi_proxy=False)")
    done = consumer.pulumi("up", "--yes")
    assert "8 created" in done.stdout
    assert "8 unchanged" in consumer.pulumi("up", "--yes", "--refresh").stdout
    assert consumer.pulumi("refresh", "--yes", "--run-program").returncode == 0
    assert consumer.pulumi("destroy", "--yes", "--run-program").returncode == 0
