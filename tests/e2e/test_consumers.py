"""Programs that use the component as a library or as a package: waits, members, and bad inputs."""

from __future__ import annotations

import re

import pytest

from tests.e2e.test_faults import faults
from tests.e2e.test_up import impersonators
from tests.support.consumers import WAYS, enable_iam, is_unchanged, message_of, use_clone, use_consumer
from tests.support.sandbox import Program

pytestmark = pytest.mark.sandbox

ways = pytest.mark.parametrize("way", WAYS)
access_modes = pytest.mark.parametrize("access", ["authoritative", "additive"])
UP = ("up", "--yes", "--skip-preview")
REGISTRY = "export(create(readers=('group:all@example.com',)))"
# A service account of the program itself, with every role of the registry.
BUILDER = """
account = pulumi_gcp.serviceaccount.Account("builder", project=PROJECT, account_id="builder")
create(
    access="{access}",
    readers=("group:all@example.com",),
    named_readers={{"{name}": account.member}},
    named_writers={{"{name}": account.member, "text": "user:w@example.com"}},
    named_reader_impersonators={{"{name}": account.member}},
)
"""
# A member that the program knows only after its resource exists.
LATE = """
account = pulumi_gcp.serviceaccount.Account("builder", project=PROJECT, account_id="builder")
create(access="{access}", {arguments})
"""
BAD_INPUTS = """
create(
    location="us-centra1",
    readers=("alice@example.com",),
    labels={"A": "b"},
    named_readers={"a b": "user:a@example.com", "ci": "allUsers"},
    github=GitHub(repositories=("acme/my-adder",), owner_id="1", ref="main"),
)
"""


@pytest.mark.slow
@ways
def test_one_up_waits_for_google_and_has_the_outputs_of_the_clone(consumer: Program, way: str) -> None:
    use_consumer(consumer, way, REGISTRY)
    delay = 6 if "fake provider" in consumer.sandbox("status").stdout else 20
    with faults(consumer, "api-delay=4", "account-delay=2", f"member-delay={delay}"):
        text = consumer.up()
    assert "Waiting for artifactregistry.googleapis.com, which was just enabled" in text
    assert re.search(r"Waiting for python-\w+@\S+, which was just created", text)
    assert is_unchanged(consumer.up())
    outputs = consumer.outputs()
    consumer.destroy()
    assert consumer.sandbox.ask("GET", consumer.repository("python"))[0] == 404
    use_clone(consumer)
    consumer.configure(readers=["group:all@example.com"])
    consumer.up()
    assert consumer.outputs() == outputs


@pytest.mark.slow
@ways
@access_modes
def test_one_up_waits_for_an_account_of_the_same_program(consumer: Program, way: str, access: str) -> None:
    use_consumer(consumer, way, f"create(access={access!r})")
    consumer.up()
    use_consumer(consumer, way, BUILDER.format(access=access, name="builder"))
    delay = 6 if "fake provider" in consumer.sandbox("status").stdout else 20
    with faults(consumer, "account-delay=2", f"member-delay={delay}"):
        text = consumer.up()
    assert f"Waiting for builder@{consumer.project}.iam.gserviceaccount.com, which was just created" in text
    # Pulumi keeps the error of an update that a hook retried, so it repeats the update of a binding once.
    consumer.up()
    assert is_unchanged(consumer.up())
    builder = f"serviceAccount:builder@{consumer.project}.iam.gserviceaccount.com"
    policy = consumer.policy("python")
    assert builder in policy["reader"]
    assert policy["writer"] == sorted(
        [
            builder,
            "user:w@example.com",
            f"serviceAccount:python-writer@{consumer.project}.iam.gserviceaccount.com",
        ]
    )
    assert builder in consumer.policy("python-index")["reader"]
    assert impersonators(consumer, "python-reader") == [builder]
    use_consumer(consumer, way, BUILDER.format(access=access, name="ci"))
    renamed = ("upload-readers", "upload-writers", "pypi-readers", "index-readers", "reader-impersonators")
    expected = {
        f"registry-{grant}-named-{name}": op
        for grant in renamed
        for name, op in {"builder": "delete", "ci": "create"}.items()
    }
    assert consumer.changes() == (expected if access == "additive" else {})
    consumer.up()
    consumer.up("--refresh")
    assert consumer.policy("python") == policy
    consumer.destroy()


@pytest.mark.slow
@ways
@access_modes
@pytest.mark.parametrize(
    ("arguments", "entry", "rule"),
    [
        ("named_readers={'ci': account.email}", "readers", "an IAM member starts with its type"),
        (
            "named_readers={'ci': account.member}, named_writers={'ci': 'user:w@example.com'}",
            "writers",
            "is another member",
        ),
    ],
    ids=["form", "name"],
)
def test_a_bad_member_that_is_known_late_gets_no_role(
    consumer: Program, way: str, access: str, arguments: str, entry: str, rule: str
) -> None:
    enable_iam(consumer)
    use_consumer(consumer, way, LATE.format(access=access, arguments=arguments))
    text = message_of(consumer, *UP)
    assert text.count("Pulumi granted this member no role.") == 1
    assert f"\n      {f'named_{entry}' if way == 'library' else f'named{entry.title()}'}.ci: " in text
    assert rule in text
    assert "Traceback" not in text
    assert "Unexpected" not in text
    granted = str(consumer.policy("python"))
    assert "builder@" not in granted or entry == "writers"
    assert "user:w@example.com" not in granted
    use_consumer(
        consumer, way, LATE.format(access=access, arguments="named_readers={'ci': account.member}")
    )
    consumer.up()
    assert "builder@" in str(consumer.policy("python"))


@pytest.mark.parametrize("way", [pytest.param("library", marks=pytest.mark.slow), "package"])
def test_bad_inputs_are_one_message_before_any_resource(consumer: Program, way: str) -> None:
    use_consumer(consumer, way, BAD_INPUTS)
    before = len(consumer.sandbox.log())
    text = message_of(consumer, "preview")
    named = "named_readers" if way == "library" else "namedReaders"
    assert text.count("6 problems in the ") == 1
    assert sorted(re.findall(r"^ {6}(\S.*)\n {8}\S.*; ", text, re.MULTILINE)) == [
        "github.ref: main",
        "labels.A: b",
        "location: us-centra1",
        f"{named}.a b: a b",
        f"{named}.ci: allUsers",
        "readers[0]: alice@example.com",
    ]
    assert "did you mean us-central1?" in text
    assert "Traceback" not in text
    assert not [r for r in consumer.sandbox.log()[before:] if r["host"] != "openidconnect.googleapis.com"]


@pytest.mark.slow
def test_a_message_of_the_package_shows_no_secret(consumer: Program) -> None:
    use_consumer(consumer, "package", "create(readers=[pulumi.Output.secret('user:hidden@example.com')])")
    text = message_of(consumer, "preview")
    assert "named" in text
    assert "hidden" not in text
