"""`python -m tests.sandbox.provider.compare_providers FOLDER`: the same scenarios on the
stand-in and on the real plugin that is in FOLDER, and what differs.

Owns the scenarios and what of an answer is nobody's concern (times, numbers that Google gives). Not a test:
the real plugin is seldom at hand. What was seen to differ, and stays, is said in `sandbox.provider.server`.
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
from tests.sandbox.provider.provider_process import Plugin, Props, running
from tests.support.sandbox import Program, Sandbox, new_program

COMMAND = "pulumi-resource-gcp"
REPOSITORY = "gcp:artifactregistry/repository:Repository"
BINDING = "gcp:artifactregistry/repositoryIamBinding:RepositoryIamBinding"
ACCOUNT = "gcp:serviceaccount/account:Account"
SERVICE = "gcp:projects/service:Service"
RULE = "gcp:artifactregistry/rule:Rule"
STRANGER = "user:stranger@example.com"
STACKS: dict[str, Props] = {
    "dev": {"readers": ["group:developers@example.com"], "labels": {"env": "dev"}},
    "prod": {
        "admins": ["group:platform@example.com"],
        "impersonators": {"writer": ["group:platform@example.com"]},
        "privatePackages": ["my-adder"],
    },
    "additive": {"access": "additive", "readers": ["user:A@example.com", "domain:example.com"]},
    "plain": {"pypiProxy": False, "serviceAccounts": False},
    "github": {"github": {"repositories": ["acme/my-adder"], "ownerId": 1, "ref": "refs/heads/main"}},
}
# What no two runs have in common.
PASSING = (
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
    # As wide as the longest name, the plugins' own notes among them.
    (r" +: ", ": "),
    (r"@ (?:previewing|updating|refreshing|destroying|importing).*", ""),
)
# The plugins' own notes, and what the engine keeps of a plugin.
NOTES = {"__meta", "__pulumi_raw_state_delta", "__defaults", "etag", "uniqueId", "createTime", "updateTime"}
OF_RUN = {"created", "modified", "manifest", "version", "time", "secrets_providers", "pending_operations"}
# How the engine speaks of the plugin itself, and what the real one logs beside the error that it returns.
OF_THE_PLUGIN = (
    "pulumi-resource-gcp from",
    "resource plugin gcp is expected",
    "stand-in for the GCP plugin",
    "sdk.helper_schema",
    "gcp@10.2.0",
)

Scenario = tuple[str, Callable[[], Any]]


def passing(value: Any) -> Any:
    """The value without what no two runs have in common, and without nothing in many spellings."""
    if isinstance(value, dict):
        kept = {k: passing(v) for k, v in value.items() if k not in NOTES | OF_RUN}
        return {k: v for k, v in kept.items() if v not in (None, "", False, 0, [], {})}
    if isinstance(value, list):
        items = [passing(item) for item in value]
        return sorted(items) if all(str(item).startswith("urn:") for item in items) else items
    if not isinstance(value, str) or value == UNKNOWN:
        return "unknown" if value == UNKNOWN else value
    for pattern, stands in PASSING:
        value = re.sub(pattern, stands, value, flags=re.MULTILINE)
    return value


def lines(text: str) -> list[str]:
    """What a command printed, in an order of its own: the engine works on several at once."""
    said = (line.strip() for line in passing(text).splitlines())
    return sorted(line for line in said if line and not any(word in line for word in OF_THE_PLUGIN))


def protocol(plugin: Plugin) -> Iterator[Scenario]:
    """What needs no cloud: the table, and what Check refuses."""
    for field in fields():
        if field.is_imitated:
            yield f"field {field}", lambda field=field: observed(plugin, field)
    for token, about in TABLE.items():
        for it in about.get("refused", []):
            news = {**about["given"], **it["give"]}
            known = ", known to differ" if "stand_in" in it else ""
            yield (
                f"check {token} {it['give']}{known}",
                lambda t=token, n=news: sorted(plugin.check(t, n)[1]),
            )


def refusals(plugin: Plugin, stranger: Plugin) -> Iterator[Scenario]:
    """What Google refuses, in the words that the engine gets."""

    def make(of: Plugin, token: str, **change: Any) -> Callable[[], Any]:
        return lambda: of.create(token, {**TABLE[token]["given"], **change})

    yield "403 SERVICE_DISABLED, a repository", make(plugin, REPOSITORY)
    yield "403 SERVICE_DISABLED, an account", make(plugin, ACCOUNT)
    yield "403 permission, a service", make(stranger, SERVICE)
    for service in ("artifactregistry", "iam"):
        yield f"{service} is enabled", make(plugin, SERVICE, service=f"{service}.googleapis.com")
    yield "403 permission, a repository", make(stranger, REPOSITORY)
    yield "403 permission, an account", make(stranger, ACCOUNT)
    yield "404 a binding without its repository", make(plugin, BINDING)
    yield "404 a rule without its repository", make(plugin, RULE, action="DENY", operation="DOWNLOAD")
    yield "400 a repository of another format", make(plugin, REPOSITORY, format="DOCKER")
    yield "a repository", make(plugin, REPOSITORY)
    yield "409 a repository", make(plugin, REPOSITORY)
    yield "403 permission, a binding", make(stranger, BINDING)
    yield (
        "400 a binding of an account that is not there",
        make(plugin, BINDING, members=["serviceAccount:no-one@demo-proj.iam.gserviceaccount.com"]),
    )
    yield "a binding", make(plugin, BINDING)
    yield "an account", make(plugin, ACCOUNT)
    yield "409 an account", make(plugin, ACCOUNT)
    yield "409 an account, taken over", make(plugin, ACCOUNT, createIgnoreAlreadyExists=True)
    yield "a rule", make(plugin, RULE, action="DENY", operation="DOWNLOAD")
    yield "409 a rule", make(plugin, RULE, action="DENY", operation="DOWNLOAD")


def lives(sandbox: Sandbox, folder: Path) -> Iterator[Scenario]:
    """A stack's life, one a stack file."""
    for number, (name, settings) in enumerate(STACKS.items(), 1):
        (folder / name).mkdir()
        program = new_program(sandbox, folder / name, number)
        program.configure(**settings)
        for what, act in life(program, settings):
            yield f"{name}: {what}", act


def life(program: Program, settings: Props) -> Iterator[Scenario]:
    upload, labels = program.repository("python"), {"labels": {**settings.get("labels", {}), "new": "1"}}

    def said(*words: str) -> Callable[[], list[str]]:
        return lambda: lines(_output(program, *words))

    def state() -> Any:
        exported = json.loads(program.pulumi("stack", "export", "--show-secrets").stdout)["deployment"]
        return sorted(passing(exported["resources"]), key=lambda resource: resource["urn"])

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

    yield "first preview", lambda: passing(_steps(program))
    yield "first preview, in words", said("preview", "--diff")
    yield "first up", said("up", "--yes", "--skip-preview")
    yield "its state", state
    yield "second up", said("up", "--yes", "--skip-preview", "--diff")
    yield "refresh of nothing", said("refresh", "--yes", "--skip-preview", "--diff")
    yield "state after the refresh", state
    program.configure(**{**settings, **labels, "location": "europe-west1"})
    yield "preview elsewhere", lambda: passing(_steps(program))
    program.configure(**{**settings, **labels})
    yield "preview of a label", lambda: passing(_steps(program))
    yield "preview of a label, in words", said("preview", "--diff")
    drift()
    yield "preview with drift", said("preview", "--refresh", "--diff")
    yield "refresh with drift", said("refresh", "--yes", "--skip-preview", "--diff")
    yield "state with drift", state
    yield "up after drift", said("up", "--yes", "--skip-preview", "--diff")
    yield "state after drift", state
    program.sandbox.ask("DELETE", f"{program.repository('python-index')}")
    program.sandbox.ask("DELETE", upload)
    program.configure(**{**settings, "labels": {"new": "2"}})
    yield "404 up where it is gone", said("up", "--yes", "--skip-preview")
    yield "refresh where it is gone", said("refresh", "--yes", "--skip-preview", "--diff")
    yield "up where it was gone", said("up", "--yes", "--skip-preview")
    yield "import", reimported
    yield "state after the import", state
    yield "destroy", said("destroy", "--yes", "--skip-preview", "--ignore-protect")


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
    """What came of it, a refusal in its words."""
    try:
        return passing(act())
    except grpc.RpcError as error:
        return {"refused": passing(str(error.details())).splitlines()}


def run(folder: Path | None) -> dict[str, Any]:
    """Every scenario on one plugin: what came of it, by name."""
    seen: dict[str, Any] = {}
    # That plugin first on PATH, or none.
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
            with started("user:owner@sandbox.example") as owner, started(STRANGER) as stranger:
                for name, act in (*protocol(owner), *refusals(owner, stranger)):
                    seen[name] = answered(act)
            for name, act in lives(sandbox, Path(scratch)):
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
        # Each has an environment of its own.
        real, ours = pool.map(run, (folder, None))
    different = [name for name in real if real[name] != ours[name]]
    for name in different:
        print(f"\n=== {name}")
        texts = [yaml.safe_dump(seen[name], width=200).splitlines() for seen in (real, ours)]
        for line in difflib.unified_diff(texts[0], texts[1], "real", "stand-in", lineterm="", n=1):
            print(line)
    print(f"\n{len(real)} scenarios, {len(different)} of them different")


if __name__ == "__main__":
    main()
