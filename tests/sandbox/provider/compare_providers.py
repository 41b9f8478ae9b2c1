"""Runs the same scenarios with the fake provider and with the real one, and prints the differences.

Owns the scenarios, and which parts of an answer do not count (times, numbers that Google generates). It is
not a test, because the real provider is seldom available. `sandbox.provider.server` lists the known
differences.

    python -m tests.sandbox.provider.compare_providers FOLDER    (FOLDER has the real provider)
"""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import yaml

from sandbox.provider.values import UNKNOWN
from tests.sandbox.provider.provider_fields import TABLE, fields, observed
from tests.sandbox.provider.provider_process import Props, ProviderClient, running
from tests.support.sandbox import Program, Sandbox, new_program

COMMAND = "pulumi-resource-gcp"
REPOSITORY = "gcp:artifactregistry/repository:Repository"
BINDING = "gcp:artifactregistry/repositoryIamBinding:RepositoryIamBinding"
ACCOUNT = "gcp:serviceaccount/account:Account"
SERVICE = "gcp:projects/service:Service"
RULE = "gcp:artifactregistry/rule:Rule"
OTHER_USER = "user:other@example.com"
STACKS: dict[str, Props] = {
    "dev": {"readers": ["group:developers@example.com"], "labels": {"env": "dev"}},
    "prod": {
        "admins": ["group:platform@example.com"],
        "impersonators": {"writer": ["group:platform@example.com"]},
        "privatePackages": ["my-adder"],
    },
    "additive": {"access": "additive", "readers": ["user:A@example.com", "domain:example.com"]},
    "plain": {"pypiProxy": False, "serviceAccounts": False},
    "cleanup": {"cleanup": {"deleteOlderThan": "90d", "keepVersions": 5, "cacheOlderThan": "36h"}},
    "github": {"github": {"repositories": ["acme/my-adder"], "ownerId": 1, "ref": "refs/heads/main"}},
}
# Texts that differ in every run.
CHANGING = (
    (r"\x1b\[[0-9;]*m", ""),
    (r" \(\d+(?:\.\d+)?s\)|Duration: .*", ""),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"(etag\s*:\s*|\"etag\": )\"[^\"]+\"", r"\1ETAG"),
    (r"\b[1-9]\d{20}\b", "NUMBER"),
    (r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID"),
    (r"\bit-[0-9a-f]{7}\b", "it-RANDOM"),
    (r"\bgithub-[0-9a-f]{8}\b", "github-RANDOM"),
    (r"projects/\d{12}\b", "projects/NUMBER"),
    (r" \d+ warnings?(?:; \d+ messages?)?$", ""),
    (r"urn:pulumi:\S+\$", "urn:…$"),
    # Columns are as wide as the longest name, including the providers' own notes.
    (r" +: ", ": "),
    (r"@ (?:previewing|updating|refreshing|destroying|importing).*", ""),
)
# The providers' own notes, and the engine's notes on a provider.
NOTES = {"__meta", "__pulumi_raw_state_delta", "__defaults", "etag", "uniqueId", "createTime", "updateTime"}
OF_RUN = {"created", "modified", "manifest", "version", "time", "secrets_providers", "pending_operations"}
# The engine's lines about the provider itself, and the errors that the real provider logs additionally.
OF_THE_PROVIDER = (
    "pulumi-resource-gcp from",
    "resource plugin gcp is expected",
    "fake provider instead of the GCP provider",
    "sdk.helper_schema",
    "gcp@10.2.0",
)

Scenario = tuple[str, Callable[[], Any]]


def without_changing(value: Any) -> Any:
    """The value without texts that differ in every run, and without the many forms of an empty value."""
    if isinstance(value, dict):
        kept = {k: without_changing(v) for k, v in value.items() if k not in NOTES | OF_RUN}
        return {k: v for k, v in kept.items() if v not in (None, "", False, 0, [], {})}
    if isinstance(value, list):
        items = [without_changing(item) for item in value]
        return sorted(items) if all(str(item).startswith("urn:") for item in items) else items
    if not isinstance(value, str) or value == UNKNOWN:
        return "unknown" if value == UNKNOWN else value
    for pattern, replacement in CHANGING:
        value = re.sub(pattern, replacement, value, flags=re.MULTILINE)
    return value


def lines(text: str) -> list[str]:
    """The sorted lines of a command: the engine works on several resources at once."""
    found = (line.strip() for line in without_changing(text).splitlines())
    return sorted(line for line in found if line and not any(word in line for word in OF_THE_PROVIDER))


def protocol(provider: ProviderClient) -> Iterator[Scenario]:
    """Scenarios without a cloud: the table, and the messages of Check."""
    for field in fields():
        if field.is_supported:
            yield f"field {field}", lambda field=field: observed(provider, field)
    for token, about in TABLE.items():
        for row in about.get("refused", []):
            news = {**about["given"], **row["give"]}
            known = ", known to differ" if "fake" in row else ""
            yield (
                f"check {token} {row['give']}{known}",
                lambda t=token, n=news: sorted(provider.check(t, n)[1]),
            )


def refusals(owner: ProviderClient, other: ProviderClient) -> Iterator[Scenario]:
    """Errors of Google, with the text that the engine gets."""

    def create(client: ProviderClient, token: str, **change: Any) -> Callable[[], Any]:
        return lambda: client.create(token, {**TABLE[token]["given"], **change})

    yield "403 SERVICE_DISABLED, a repository", create(owner, REPOSITORY)
    yield "403 SERVICE_DISABLED, an account", create(owner, ACCOUNT)
    yield "403 permission, a service", create(other, SERVICE)
    for service in ("artifactregistry", "iam"):
        yield f"{service} is enabled", create(owner, SERVICE, service=f"{service}.googleapis.com")
    yield "403 permission, a repository", create(other, REPOSITORY)
    yield "403 permission, an account", create(other, ACCOUNT)
    yield "404 a binding without its repository", create(owner, BINDING)
    yield "404 a rule without its repository", create(owner, RULE, action="DENY", operation="DOWNLOAD")
    yield "400 a repository of another format", create(owner, REPOSITORY, format="DOCKER")
    yield "a repository", create(owner, REPOSITORY)
    yield "409 a repository", create(owner, REPOSITORY)
    yield "403 permission, a binding", create(other, BINDING)
    yield (
        "400 a binding of an account that is not there",
        create(owner, BINDING, members=["serviceAccount:no-one@demo-proj.iam.gserviceaccount.com"]),
    )
    yield "a binding", create(owner, BINDING)
    yield "an account", create(owner, ACCOUNT)
    yield "409 an account", create(owner, ACCOUNT)
    yield "409 an account, taken over", create(owner, ACCOUNT, createIgnoreAlreadyExists=True)
    yield "a rule", create(owner, RULE, action="DENY", operation="DOWNLOAD")
    yield "409 a rule", create(owner, RULE, action="DENY", operation="DOWNLOAD")


def lifecycles(sandbox: Sandbox, folder: Path) -> Iterator[Scenario]:
    """The life of a stack, once per stack file."""
    for number, (name, settings) in enumerate(STACKS.items(), 1):
        (folder / name).mkdir()
        program = new_program(sandbox, folder / name, number)
        program.configure(**settings)
        for what, act in lifecycle(program, settings):
            yield f"{name}: {what}", act


def lifecycle(program: Program, settings: Props) -> Iterator[Scenario]:
    upload, labels = program.repository("python"), {"labels": {**settings.get("labels", {}), "new": "1"}}

    def output(*words: str) -> Callable[[], list[str]]:
        return lambda: lines(_output(program, *words))

    def state() -> Any:
        exported = json.loads(program.pulumi("stack", "export", "--show-secrets").stdout)["deployment"]
        return sorted(without_changing(exported["resources"]), key=lambda resource: resource["urn"])

    def drift() -> None:
        ask = program.sandbox.ask
        ask(
            "PATCH",
            f"{upload}?updateMask=labels,description",
            {"labels": {"theirs": "1"}, "description": "x"},
        )
        _, policy = ask("GET", f"{upload}:getIamPolicy")
        theirs = {"role": "roles/artifactregistry.reader", "members": ["user:theirs@example.com"]}
        ask("POST", f"{upload}:setIamPolicy", {"policy": {**policy, "bindings": [theirs]}})
        accounts = f"https://iam.googleapis.com/v1/projects/{program.project}/serviceAccounts"
        account = f"{accounts}/python-reader@{program.project}.iam.gserviceaccount.com"
        ask("PATCH", account, {"serviceAccount": {"displayName": "theirs"}, "updateMask": "display_name"})
        ask("DELETE", f"{program.repository('python-pypi')}/rules/deny-my-adder")

    def reimported() -> list[str]:
        urn = next(u for u in (r["urn"] for r in _resources(program)) if u.endswith("::registry-upload"))
        for name in (*(r["urn"] for r in _resources(program) if "Iam" in r["urn"]), urn):
            program.pulumi("state", "delete", "--yes", "--force", "--target-dependents", name, check=False)
        name = upload.partition("/v1/")[2]
        return lines(_output(program, "import", REPOSITORY, "imported", name, "--yes", "--protect=false"))

    def create_by_hand() -> None:
        policy = {"action": "DELETE", "condition": {"olderThan": "2592000s"}}
        body = {"format": "PYTHON", "labels": {"theirs": "1"}, "cleanupPolicies": {"old": policy}}
        program.sandbox.ask("POST", upload.replace("/python", "?repository_id=python"), body)

    yield "first preview", lambda: without_changing(_steps(program))
    yield "first preview, in words", output("preview", "--diff")
    yield "first up", output("up", "--yes", "--skip-preview")
    yield "its state", state
    yield "second up", output("up", "--yes", "--skip-preview", "--diff")
    yield "refresh of nothing", output("refresh", "--yes", "--skip-preview", "--diff")
    yield "state after the refresh", state
    program.configure(**{**settings, **labels, "location": "europe-west1"})
    yield "preview elsewhere", lambda: without_changing(_steps(program))
    program.configure(**{**settings, **labels})
    yield "preview of a label", lambda: without_changing(_steps(program))
    yield "preview of a label, in words", output("preview", "--diff")
    drift()
    yield "preview with drift", output("preview", "--refresh", "--diff")
    yield "refresh with drift", output("refresh", "--yes", "--skip-preview", "--diff")
    yield "state with drift", state
    yield "up after drift", output("up", "--yes", "--skip-preview", "--diff")
    yield "state after drift", state
    program.sandbox.ask("DELETE", f"{program.repository('python-index')}")
    program.sandbox.ask("DELETE", upload)
    program.configure(**{**settings, "labels": {"new": "2"}})
    yield "404 up where it is gone", output("up", "--yes", "--skip-preview")
    yield "refresh where it is gone", output("refresh", "--yes", "--skip-preview", "--diff")
    yield "up where it was gone", output("up", "--yes", "--skip-preview")
    yield "import", reimported
    yield "state after the import", state
    yield "destroy", output("destroy", "--yes", "--skip-preview", "--ignore-protect")
    create_by_hand()
    program.configure(**{**settings, "adopt": ["python"]})
    yield "preview of an adoption", lambda: without_changing(_steps(program))
    yield "preview of an adoption, in words", output("preview", "--diff")
    yield "adoption", output("up", "--yes", "--skip-preview")
    yield "state after the adoption", state
    yield "second up after the adoption", output("up", "--yes", "--skip-preview", "--diff")


def _output(program: Program, *words: str) -> str:
    done = program.pulumi(*words, check=False)
    return f"{done.stdout}\n{done.stderr}\nstatus {done.returncode}"


def _resources(program: Program) -> list[Props]:
    exported = program.pulumi("stack", "export", "--show-secrets").stdout
    return json.loads(exported)["deployment"]["resources"]


def _steps(program: Program) -> list[Props]:
    keys = ("op", "urn", "diffReasons", "replaceReasons", "detailedDiff", "newState")
    steps = program.preview()["steps"]
    return sorted(({k: step.get(k) for k in keys} for step in steps), key=lambda step: step["urn"])


def answered(act: Callable[[], Any]) -> Any:
    """The result, or the text of the error."""
    try:
        return without_changing(act())
    except grpc.RpcError as error:
        return {"refused": without_changing(str(error.details())).splitlines()}


def run(folder: Path | None) -> dict[str, Any]:
    """The results of all scenarios with one provider, by name."""
    seen: dict[str, Any] = {}
    # That provider is the first on PATH, or there is none.
    others = (e for e in os.environ["PATH"].split(os.pathsep) if not (Path(e) / COMMAND).exists())
    os.environ["PATH"] = os.pathsep.join([*([str(folder)] if folder else []), *others])
    with tempfile.TemporaryDirectory() as scratch:
        sandbox = Sandbox(Path(scratch) / "state")

        def inside(member: str) -> dict[str, str]:
            variables = sandbox.run("env", "-0", member=member).stdout.split("\0")
            return dict(line.split("=", 1) for line in variables if line)

        def started(member: str) -> Any:
            environment = inside(member)
            command = [str(folder / COMMAND)] if folder else [sys.executable, "-m", "sandbox.provider"]
            return running(command, {**environment, "PYTHONPATH": os.getcwd()}, {"project": "demo-proj"})

        try:
            with started("user:owner@sandbox.example") as owner, started(OTHER_USER) as other:
                for name, act in (*protocol(owner), *refusals(owner, other)):
                    seen[name] = answered(act)
            for name, act in lifecycles(sandbox, Path(scratch)):
                print(name, file=sys.stderr, flush=True)
                seen[name] = answered(act)
        finally:
            sandbox("reset")
    return seen


def main() -> None:
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) == 2 else None
    if folder is None or not (folder / COMMAND).exists():
        sys.exit(f"usage: python -m tests.sandbox.provider.compare_providers FOLDER (with {COMMAND} in it)")
    with ProcessPoolExecutor() as pool:
        # Each process has its own environment.
        real, ours = pool.map(run, (folder, None))
    different = [name for name in real if real[name] != ours[name]]
    for name in different:
        print(f"\n=== {name}")
        texts = [yaml.safe_dump(seen[name], width=200).splitlines() for seen in (real, ours)]
        for line in difflib.unified_diff(texts[0], texts[1], "real", "fake", lineterm="", n=1):
            print(line)
    print(f"\n{len(real)} scenarios, {len(different)} of them different")


if __name__ == "__main__":
    main()
