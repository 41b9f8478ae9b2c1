"""What a stack file says, read once and checked whole.

Owns the configuration's schema: keys, types, defaults, limits. Reports every problem of a stack file in
one message, before any resource is registered. It lives here rather than in `Pulumi.yaml` because the
engine's own check stops at its first error, calls a declared key without a default missing, and knows
no object types. Knows nothing of resources.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, cast, get_args

import pulumi
import yaml

from components.args import (
    INDEX_SUFFIX,
    READER_SUFFIX,
    WRITER_SUFFIX,
    Access,
    GitHub,
    Impersonators,
    PythonRegistryArgs,
    deny_rule,
    member_identity,
    normalized_package,
)

NAMESPACE = "python-registry"
PROJECT_KEY = "gcp:project"

# Project.projectId in the Resource Manager reference.
PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
# "Geography and regions" names every region continent-directionNumber. By this grammar, not by a list,
# so that a region which opens tomorrow works; "Repository locations" adds the three multi-regions.
CONTINENTS = "africa asia australia europe me northamerica southamerica us".split()
DIRECTIONS = "north south east west central northeast northwest southeast southwest".split()
MULTI_REGIONS = ("us", "europe", "asia")
REGION = re.compile(rf"(?:{'|'.join(CONTINENTS)})-(?:{'|'.join(DIRECTIONS)})[1-9][0-9]?")
# The longer ones are for accelerators ("AI zones").
ZONE = re.compile(rf"(?P<region>{REGION.pattern})-(?:ai[0-9])?[a-z]")
# Repository.name in the Artifact Registry reference: 1 to 63 characters.
REPOSITORY_ID = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?")
REPOSITORY_LENGTH = 63
# "Create service accounts": 6 to 30 characters; the suffixes alone fill the lower bound.
ACCOUNT_LENGTH = 30
# "Policy" in the IAM reference. Not offered: everyone (`allUsers`), and members that are gone.
ACCOUNT_DOMAIN = r"gserviceaccount\.com"
DOMAIN = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+(?:[a-zA-Z]{2,}|xn--[a-zA-Z0-9-]+)"
EMAIL_MEMBER = re.compile(rf"(?:user|group):(?!.*{ACCOUNT_DOMAIN}$)[\w.%+'-]+@{DOMAIN}", re.ASCII)
# The second form is Kubernetes' ("Principal identifiers").
SERVICE_ACCOUNT_MEMBER = re.compile(
    rf"serviceAccount:(?:[\w.-]+@(?:[\w-]+\.)*{ACCOUNT_DOMAIN}|[\w:.-]+\.svc\.id\.goog\[[\w-]+/[\w.-]+\])",
    re.ASCII,
)
DOMAIN_MEMBER = re.compile(rf"domain:{DOMAIN}")
# "Principal identifiers for allow policies": who came by a pool, one or all of them or those that have
# something in common; and all service accounts of a project, folder or organisation.
_POOL = (
    r"iam\.googleapis\.com/"
    r"(?:projects/[0-9]+/locations/global/workloadIdentityPools|locations/global/workforcePools)/[\w.:-]+"
)
_SHARED = r"\*|(?:group|namespace|kubernetes\.cluster|attribute\.\w+)/\S+"
_ALL_ACCOUNTS = (
    r"cloudresourcemanager\.googleapis\.com/(?:projects|folders|organizations)/[0-9]+"
    r"/type/(?:ServiceAccount|ServiceAgent)"
)
PRINCIPAL_MEMBER = re.compile(
    rf"principal://{_POOL}/subject/\S+|principalSet://(?:{_POOL}/(?:{_SHARED})|{_ALL_ACCOUNTS})", re.ASCII
)
MEMBER_EXAMPLES = {"domain": "example.com", "serviceAccount": "name@my-project.iam.gserviceaccount.com"}
MEMBER_TYPES = ("user", "group", "serviceAccount", "domain")
# "Quotas and limits" of IAM: members of all bindings of one policy, each counted as often as it is listed.
MEMBER_LIMIT = 1500
# PEP 508, "Names"; in it, `-`, `_` and `.` are one, and so are cases (PEP 503).
PACKAGE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?", re.IGNORECASE | re.ASCII)
# "Restrict artifact downloads": a rule's id has at most 256 characters.
RULE_LENGTH = 256
# What GitHub's forms let through: an owner has at most 39 letters and digits with single hyphens between (a
# managed user's name has its enterprise's behind an underscore), a repository at most 100 characters, among
# them no `.git` at the end, which it cuts off.
GITHUB_OWNER = r"(?=[^/]{1,39}/)[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*(?:_[a-zA-Z0-9]+)?"
GITHUB_REPOSITORY = re.compile(rf"{GITHUB_OWNER}/(?!\.{{1,2}}$)(?!.*\.git$)[\w.-]{{1,100}}", re.ASCII)
OWNER_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
# git-check-ref-format(1), cut to what can be a branch or a tag.
GIT_REF = re.compile(
    r"refs/(?:heads|tags)/(?!.*(?:\.\.|@\{|//|/\.|\.lock(?:/|$)))"
    r"[^\s~^:?*\[\\/.\x00-\x1f\x7f][^\s~^:?*\[\\\x00-\x1f\x7f]*(?<![/.])"
)
# WorkloadIdentityPoolProvider in the IAM reference: of the mapped subject, and of the condition.
SUBJECT_BYTES, CONDITION_LENGTH = 127, 4096
# "Requirements for labels" in Resource Manager's documentation: of Unicode's letters those without a case
# or in the lower one, none that modify others; the plugin adds one label of its own.
LABEL_LENGTH = 63
LABEL_LIMIT = 64 - 1
LABEL_FIRST = ("Ll", "Lo")
LABEL_REST = (*LABEL_FIRST, "Nd", "Nl", "No")
RESERVED_LABEL = "goog"
# What people write for true and false in other YAML files.
BOOLEANS = {"true": ("true", "yes", "on", "y", "1"), "false": ("false", "no", "off", "n", "0")}
# How alike a word must be to one that is meant, of 1 in all: difflib's own measure and limit.
ALIKE = 0.6
# How alike a namespace must be to be a misspelt one of ours rather than another program's.
SAME_NAMESPACE = 0.85
# A value is shown in a message up to this many characters.
SHOWN = 80


def _key(attribute: str) -> str:
    """`pypi_proxy` as a stack file spells it: `python-registry:pypiProxy`."""
    head, *tail = attribute.split("_")
    return f"{NAMESPACE}:{head}{''.join(word.title() for word in tail)}"


KEYS = {_key(f.name): f.name for f in fields(PythonRegistryArgs) if f.name != "project"}
NAMES = {PROJECT_KEY: "project", **KEYS}
# What decides the names of all that a stack makes.
NAMING = ("project", "location", "repository", "pypi_proxy", "service_accounts")
GITHUB_KEYS = [_key(f.name).partition(":")[2] for f in fields(GitHub)]


class SettingsError(pulumi.RunError):
    """Every problem of a stack file, in one message that the engine prints without a traceback."""

    def __init__(self, problems: list[str]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{count} in the stack's settings; nothing was changed.", *problems]))
        self.problems = problems


# What a stack file that is not one, or not yet, gives.
UNREADABLE = (OSError, ValueError, yaml.YAMLError, LookupError, TypeError, AttributeError, RecursionError)


def read_settings() -> PythonRegistryArgs:
    """The settings of the stack that runs.

    Raises:
        SettingsError: names every problem, with key, value, rule and fix.
    """
    return parse_settings(
        pulumi.runtime.get_config_env(),
        secret_keys=pulumi.runtime.get_config_secret_keys_env(),
        others=read_other_stacks(Path.cwd(), pulumi.get_stack()),
    )


def read_other_stacks(folder: Path, stack: str) -> dict[str, PythonRegistryArgs]:
    """What names things in the project's other stacks, by file name; one that makes nothing says nothing.

    The rest of such a file is its own stack's: a problem there must not hide that both make one thing.
    """
    others: dict[str, PythonRegistryArgs] = {}
    shared = _naming(folder / "Pulumi.yaml")
    for path in sorted(folder.glob("Pulumi.*.yaml")):
        if path.name != f"Pulumi.{stack}.yaml":
            with contextlib.suppress(SettingsError):
                others[path.name] = parse_settings({**shared, **_naming(path)})
    return others


def _naming(path: Path) -> dict[str, str]:
    """What a file says of the settings that name things, as the engine hands it over."""
    texts: dict[str, str] = {}
    with contextlib.suppress(*UNREADABLE):
        file = yaml.safe_load(path.read_text(encoding="utf-8", errors="replace"))
        config: dict[str, Any] = file["config"]
        for name, said in config.items():
            # Without a namespace it is the project's. Pulumi.yaml's may be declared, too.
            key = name if ":" in name else f"{NAMESPACE}:{name}"
            value = said.get("value", said.get("default")) if isinstance(said, dict) else said
            if NAMES.get(key) in NAMING and value is not None:
                texts[key] = value if isinstance(value, str) else json.dumps(value)
    return texts


def parse_settings(
    values: Mapping[str, str],
    secret_keys: Iterable[str] = (),
    others: Mapping[str, PythonRegistryArgs] | None = None,
) -> PythonRegistryArgs:
    """Check a stack's configuration, as the engine hands it over: texts, objects and lists as JSON.

    Args:
        values: full keys (`python-registry:location`) and their texts.
        secret_keys: the full keys of those that are encrypted.
        others: the settings of other stacks, by file name: no two may make the same thing.

    Raises:
        SettingsError: names every problem.
    """
    check = _Check()
    parsers: dict[str, Callable[[str, str], Any]] = {
        "project": check.project,
        "location": check.location,
        "repository": check.repository,
        "pypi_proxy": check.boolean,
        "private_packages": check.packages,
        "readers": check.members,
        "writers": check.members,
        "admins": check.members,
        "access": check.access,
        "service_accounts": check.boolean,
        "impersonators": check.impersonators,
        "github": check.github,
        "labels": check.labels,
        "protect": check.boolean,
    }
    parsed: dict[str, Any] = {}
    for key, text in values.items():
        if key in secret_keys and key in NAMES:
            check.problem(key, "[secret]", "must be in clear: outputs show it", "set it without --secret")
        elif key in NAMES:
            value = parsers[NAMES[key]](key, text)
            if value is not None:
                parsed[NAMES[key]] = value
        else:
            check.unknown_key(key, text)
    for key, example in ((PROJECT_KEY, "my-project"), (_key("location"), "europe-west1")):
        if key not in values:
            check.problem(key, "(not set)", "is required", f"pulumi config set {key} {example}")
    check.lengths(parsed)
    check.member_count(parsed)
    check.own_accounts(parsed)
    check.switched_off(values, parsed)
    check.twins(parsed, others or {})
    if check.problems:
        raise SettingsError(check.problems)
    return PythonRegistryArgs(**parsed)


def _made(args: PythonRegistryArgs) -> list[str]:
    """What no two stacks may both make: repositories, and accounts, whose names are the whole project's."""
    accounts = [args.reader_account, args.writer_account] if args.service_accounts else []
    return [*map(args.repository_name, args.repositories), *map(args.account_email, accounts)]


class _Check:
    """Collects problems; each method returns the value, or None where it noted one."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def problem(self, key: str, value: object, rule: str, fix: str) -> None:
        text = str(value)
        text = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
        # As Python would write it, so that a line break or a space at an end is seen.
        shown = text if text.isprintable() and text == text.strip() else repr(text)
        self.problems.append(f"  {key}: {shown}\n    {rule}; {fix}")

    def twice(self, path: str, entry: str, twin: str) -> None:
        """An entry of a list that is one with an earlier, if perhaps in another spelling."""
        fix = "remove one" if twin == entry else f"it is {twin} too; remove one"
        self.problem(path, entry, "is listed twice", fix)

    def unknown_key(self, key: str, text: str) -> None:
        """One of the program's own that is none, or one whose namespace is meant to be the program's."""
        namespace, _, name = key.partition(":")
        alike = difflib.SequenceMatcher(None, namespace, NAMESPACE).ratio()
        if namespace != NAMESPACE and alike < SAME_NAMESPACE:
            return
        own = {known.partition(":")[2]: known for known in KEYS}
        names = {**own, PROJECT_KEY.partition(":")[2]: PROJECT_KEY}
        nearest = _nearest(name, names)
        fix = f"did you mean {names[nearest]}?" if nearest else f"keys are {', '.join(own)}"
        self.problem(key, text, "is no key of this program", fix)

    def project(self, key: str, value: str) -> str | None:
        if PROJECT_ID.fullmatch(value):
            return value
        fix = "use the project's id, not its number" if value.isdigit() else "see `gcloud projects list`"
        rule = "must be 6 to 30 lower-case letters, digits and hyphens, a letter first, no hyphen last"
        self.problem(key, value, rule, fix)
        return None

    def location(self, key: str, value: str) -> str | None:
        if value in MULTI_REGIONS or REGION.fullmatch(value):
            return value
        zone = ZONE.fullmatch(value)
        if zone:
            self.problem(key, value, "is a zone", f"its region is {zone['region']}")
            return None
        regions = [f"{c}-{d}{n}" for c in CONTINENTS for d in DIRECTIONS for n in range(1, 13)]
        nearest = _nearest(value, [*regions, *MULTI_REGIONS])
        fix = f"did you mean {nearest}?" if nearest else "see `gcloud artifacts locations list`"
        multi = ", ".join(MULTI_REGIONS)
        self.problem(key, value, f"must be a region (europe-west1) or a multi-region ({multi})", fix)
        return None

    def repository(self, key: str, value: str) -> str | None:
        if REPOSITORY_ID.fullmatch(value):
            return value
        rule = "must be lower-case letters, digits and hyphens, a letter first, no hyphen last"
        self.problem(key, value, rule, "choose another id, such as python")
        return None

    def boolean(self, key: str, value: str) -> bool | None:
        if value in ("true", "false"):
            return value == "true"
        nearest = next((right for right, others in BOOLEANS.items() if value.lower() in others), None)
        self.problem(key, value, "must be true or false", f"write {nearest or 'one of them'}")
        return None

    def access(self, key: str, value: str) -> Access | None:
        modes = get_args(Access)
        if value in modes:
            return value  # pyright: ignore[reportReturnType]  # one of the literals, as just seen
        nearest = _nearest(value, modes)
        fix = f"did you mean {nearest}?" if nearest else f"choose {modes[0]} or leave it out"
        self.problem(key, value, f"must be {' or '.join(modes)}", fix)
        return None

    def members(self, key: str, text: str) -> tuple[str, ...] | None:
        entries = _json(text)
        if not isinstance(entries, list):
            self.problem(key, text, "must be a list of IAM members", "write one `- user:…` a line")
            return None
        seen: dict[str, str] = {}
        for index, member in enumerate(entries):
            path = f"{key}[{index}]"
            if not isinstance(member, str):
                self.problem(path, member, "must be a text", "write user:name@example.com")
                continue
            self._member(path, member)
            identity = member_identity(member)
            twin = seen.get(identity)
            if twin is not None:
                self.twice(path, member, twin)
            seen[identity] = member
        return tuple(seen.values())

    def _member(self, path: str, member: str) -> None:
        kinds = ", ".join(f"{kind}:" for kind in MEMBER_TYPES)
        patterns = (EMAIL_MEMBER, SERVICE_ACCOUNT_MEMBER, DOMAIN_MEMBER, PRINCIPAL_MEMBER)
        if any(pattern.fullmatch(member) for pattern in patterns):
            return
        kind = member.partition(":")[0]
        if member.lower() in ("allusers", "allauthenticatedusers"):
            rule = "would open a private index to the whole world"
            fix = "name users, groups, service accounts or a domain"
        elif kind == "deleted":
            rule, fix = "is an account that was deleted", "remove it"
        elif ":" not in member and "@" in member:
            rule = "has no type"
            accounts = member.endswith(".gserviceaccount.com")
            first = "serviceAccount" if accounts else "user"
            fix = f"write {first}:{member}" + ("" if accounts else f" (or group:{member})")
        elif kind in ("user", "group") and re.search(f"{ACCOUNT_DOMAIN}$", member):
            rule, fix = "is a service account's address", f"write serviceAccount:{member.partition(':')[2]}"
        elif kind in MEMBER_TYPES:
            example = MEMBER_EXAMPLES.get(kind, "name@example.com")
            rule, fix = f"is no {kind} member", f"write {kind}:{example}"
        elif kind in ("principal", "principalSet"):
            rule = "is no principal of a workload or workforce identity pool"
            whom = "subject/SUBJECT" if kind == "principal" else "attribute.NAME/VALUE"
            pool = "projects/NUMBER/locations/global/workloadIdentityPools/POOL"
            fix = f"write {kind}://iam.googleapis.com/{pool}/{whom}"
        else:
            nearest = _nearest(kind, MEMBER_TYPES)
            rule = "has an unknown type"
            fix = f"did you mean {nearest}:? " if nearest else ""
            fix += f"Types are {kinds}, principal:// and principalSet://iam.googleapis.com/…"
        self.problem(path, member, rule, fix)

    def impersonators(self, key: str, text: str) -> Impersonators | None:
        lists = _json(text)
        roles = [f.name for f in fields(Impersonators)]
        if not isinstance(lists, dict):
            example = "write `reader:` or `writer:` and below it one `- user:…` a line"
            self.problem(key, text, "must be lists of IAM members by account", example)
            return None
        parsed: dict[str, tuple[str, ...]] = {}
        for role, members in lists.items():
            if role in roles:
                parsed[role] = self.members(f"{key}.{role}", json.dumps(members)) or ()
                continue
            nearest = _nearest(role, roles)
            fix = f"did you mean {nearest}?" if nearest else f"accounts are {' and '.join(roles)}"
            self.problem(f"{key}.{role}", json.dumps(members), "is no account of this program", fix)
        return Impersonators(**parsed)

    def github(self, key: str, text: str) -> GitHub | None:
        said = _json(text)
        if not isinstance(said, dict):
            rule = "must say whose workflows publish"
            self.problem(key, text, rule, "write `repositories:`, `ownerId:` and `ref:` below it")
            return None
        before = len(self.problems)
        for name, value in said.items():
            if name not in GITHUB_KEYS:
                nearest = _nearest(name, GITHUB_KEYS)
                fix = f"did you mean {nearest}?" if nearest else f"keys are {', '.join(GITHUB_KEYS)}"
                self.problem(f"{key}.{name}", json.dumps(value), "is no key of github", fix)
        repositories = self._github_repositories(f"{key}.repositories", said.get("repositories"))
        owner_id = self._owner_id(f"{key}.ownerId", said.get("ownerId"), repositories)
        ref = self._ref(f"{key}.ref", said["ref"]) if "ref" in said else ""
        environment = (
            self._environment(f"{key}.environment", said["environment"]) if "environment" in said else ""
        )
        if ("ref" in said) == ("environment" in said):
            fix = (
                "remove one" if "ref" in said else "write `ref: refs/heads/main` or `environment: release`"
            )
            self.problem(key, text, "must have ref or environment, exactly one of them", fix)
        if len(self.problems) > before:
            return None
        github = GitHub(repositories=repositories, owner_id=owner_id, ref=ref, environment=environment)
        self._github_limits(key, github)
        return github

    def _github_repositories(self, path: str, value: object) -> tuple[str, ...]:
        entries = cast("list[object]", value) if isinstance(value, list) else []
        if not entries:
            shown = "(not set)" if value is None else json.dumps(value)
            self.problem(path, shown, "must be a list of repositories", "write one `- org/name` a line")
        seen: dict[str, str] = {}
        for index, entry in enumerate(entries):
            at = f"{path}[{index}]"
            if not isinstance(entry, str) or not GITHUB_REPOSITORY.fullmatch(entry):
                shown = entry if isinstance(entry, str) else json.dumps(entry)
                rule = "must be a repository of GitHub by its full name, without a host"
                self.problem(at, shown, rule, "write org/name, spelt as GitHub shows it")
                continue
            twin = seen.get(entry.lower())
            first = next(iter(seen.values()), entry)
            if twin is not None:
                self.twice(at, entry, twin)
            elif entry.partition("/")[0].lower() != first.partition("/")[0].lower():
                rule = f"has another owner than {first}, and ownerId names one alone"
                self.problem(at, entry, rule, "remove it")
            seen.setdefault(entry.lower(), entry)
        return tuple(seen.values())

    def _owner_id(self, path: str, value: object, repositories: tuple[str, ...]) -> str:
        number = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
        if not OWNER_ID.fullmatch(number):
            owner = repositories[0].partition("/")[0] if repositories else "ORG"
            shown = "(not set)" if value is None else value if isinstance(value, str) else json.dumps(value)
            rule = "must be the owner's number, which stays with it when its name goes to somebody else"
            self.problem(path, shown, rule, f"see `gh api users/{owner} --jq .id`")
        return number

    def _ref(self, path: str, value: object) -> str:
        if isinstance(value, str) and GIT_REF.fullmatch(value):
            return value
        shown = value if isinstance(value, str) else json.dumps(value)
        fix = "write refs/heads/main or refs/tags/v1.0"
        if shown.startswith("refs/pull/"):
            rule = "is a pull request, which anybody may open"
        elif "*" in shown:
            rule = "is a pattern, and must be one ref"
            fix = "use environment, whose protection on GitHub may name the tags and branches"
        else:
            rule = "must be one branch or tag in full"
            begun = re.match(r"(?:refs/)?(heads|tags)/", shown, re.IGNORECASE)
            kind, name = (begun[1].lower(), shown[begun.end() :]) if begun else ("heads", shown)
            full = f"refs/{kind}/{name}"
            if isinstance(value, str) and GIT_REF.fullmatch(full) and not name.startswith("refs/"):
                fix = f"write {full}"
        self.problem(path, shown, rule, fix)
        return ""

    def _environment(self, path: str, value: object) -> str:
        if isinstance(value, str) and value.isprintable() and value == value.strip() and value:
            return value
        shown = value if isinstance(value, str) else json.dumps(value)
        self.problem(path, shown, "must be the name of an environment", "write it as the workflow does")
        return ""

    def _github_limits(self, key: str, github: GitHub) -> None:
        """What Google would refuse: the condition at once, a subject at every exchange."""
        over = len(github.condition) - CONDITION_LENGTH
        if over > 0:
            rule = f"are {over} characters too many for one condition, which may have {CONDITION_LENGTH}"
            self.problem(
                f"{key}.repositories", f"{len(github.repositories)} repositories", rule, "remove some"
            )
        for index, repository in enumerate(github.repositories):
            subject = f"repo:{repository}:{':'.join(github.place)}"
            over = len(subject.encode()) - SUBJECT_BYTES
            if over > 0:
                rule = f"is {over} too long: a subject may have {SUBJECT_BYTES} bytes, and is {subject}"
                self.problem(f"{key}.repositories[{index}]", repository, rule, "shorten a name")

    def packages(self, key: str, text: str) -> tuple[str, ...] | None:
        names = _json(text)
        if not isinstance(names, list):
            self.problem(key, text, "must be a list of package names", "write one `- name` a line")
            return None
        seen: dict[str, str] = {}
        for index, name in enumerate(names):
            path = f"{key}[{index}]"
            if not isinstance(name, str):
                fix = "remove it" if name is None else "write it in quotes"
                self.problem(path, json.dumps(name), "must be a text", fix)
                continue
            over = len(deny_rule(name)) - RULE_LENGTH
            twin = seen.get(normalized_package(name))
            if not PACKAGE_NAME.fullmatch(name):
                rule = "must be letters, digits, dots, hyphens and underscores, no mark first or last"
                self.problem(path, name, rule, "write the package's name alone, such as my-adder")
            elif over > 0:
                limit = f"its rule's id ({deny_rule('…')}) may have {RULE_LENGTH} characters"
                self.problem(path, name, f"is {over} too long: {limit}", "shorten it")
            elif twin is not None:
                self.twice(path, name, twin)
            seen.setdefault(normalized_package(name), name)
        return tuple(seen.values())

    def labels(self, key: str, text: str) -> Mapping[str, str] | None:
        labels = _json(text)
        if not isinstance(labels, dict):
            self.problem(key, text, "must be a map of labels", "write one `key: value` a line")
            return None
        if len(labels) > LABEL_LIMIT:
            rule = f"must be at most {LABEL_LIMIT} (Google allows 64, the plugin adds one)"
            self.problem(key, f"{len(labels)} labels", rule, "remove some")
        for name, value in labels.items():
            self._label(f"{key}.{name}", str(name), value)
        return labels

    def _label(self, path: str, name: str, value: object) -> None:
        if not isinstance(value, str):
            # A number has lost here how it was written (1.20, 0123): its own text is not offered.
            fix = f'write "{json.dumps(value)}"' if isinstance(value, bool) else "write it in quotes"
            self.problem(path, json.dumps(value), "must be a text", fix)
            return
        for what, text in (("key", name), ("value", value)):
            if len(text) > LABEL_LENGTH:
                rule = f"has a {what} of {len(text)} characters, over the {LABEL_LENGTH} allowed"
                self.problem(path, value, rule, "shorten it")
            elif (safe := "".join(_label_character(c) for c in text.lower())) != text:
                rule = f"must have a {what} of lower-case letters, digits, hyphens and underscores"
                fix = f"write {safe}" if safe.strip("-") else "choose another"
                self.problem(path, value, rule, fix)
        if not name or unicodedata.category(name.lower()[0]) not in LABEL_FIRST:
            self.problem(path, value, "must have a key that begins with a letter", "rename it")
        elif name.startswith(RESERVED_LABEL):
            rule = f"has a key that begins with {RESERVED_LABEL}, which is Google's own"
            self.problem(path, value, rule, "rename it")

    def lengths(self, parsed: Mapping[str, Any]) -> None:
        """The ids made from the repository's own must fit as well."""
        repository = parsed.get("repository", PythonRegistryArgs.repository)
        accounts = parsed.get("service_accounts", PythonRegistryArgs.service_accounts)
        proxy = parsed.get("pypi_proxy", PythonRegistryArgs.pypi_proxy)
        limits = [("the repository's own id", "", REPOSITORY_LENGTH, "")]
        if proxy:
            limits.append(("the virtual repository", INDEX_SUFFIX, REPOSITORY_LENGTH, "pypiProxy"))
        if accounts:
            limits.append(("the accounts", READER_SUFFIX, ACCOUNT_LENGTH, "serviceAccounts"))
        for what, suffix, limit, switch in limits:
            over = len(repository) + len(suffix) - limit
            if over > 0:
                rule = f"is {over} too long: {what} ({repository}{suffix}) may have {limit} characters"
                way_out = f", or set {NAMESPACE}:{switch} to false" if switch else ""
                self.problem(_key("repository"), repository, rule, f"shorten it{way_out}")

    def member_count(self, parsed: Mapping[str, Any]) -> None:
        """One policy, the upload repository's, has every list in it; each account has one of its own."""
        lists = [parsed.get(attribute, ()) for attribute in ("readers", "writers", "admins")]
        count = sum(map(len, lists)) + len((READER_SUFFIX, WRITER_SUFFIX))
        if count > MEMBER_LIMIT:
            rule = f"are over the {MEMBER_LIMIT} that Google takes in one policy, two accounts among them"
            self.problem(_key("readers"), f"{count} members in all lists", rule, "use groups")
        impersonators = parsed.get("impersonators", PythonRegistryArgs.impersonators)
        github: GitHub | None = parsed.get("github")
        for account, members, workflows in (
            ("reader", impersonators.reader, ()),
            ("writer", impersonators.writer, github.repositories if github else ()),
        ):
            count = len(members) + len(workflows)
            if count > MEMBER_LIMIT:
                rule = f"are over the {MEMBER_LIMIT} that Google takes in one policy"
                self.problem(f"{_key('impersonators')}.{account}", f"{count} members", rule, "use groups")

    def twins(self, parsed: Mapping[str, Any], others: Mapping[str, PythonRegistryArgs]) -> None:
        """Two stacks that make one thing undo each other's access; a destroy takes the other's packages."""
        if not {"project", "location"} <= parsed.keys():
            return
        args = PythonRegistryArgs(**parsed)
        for name, other in others.items():
            shared = [made for made in _made(args) if made in _made(other)]
            if shared:
                rule = f"makes {shared[0]}, which the stack of {name} makes too"
                self.problem(
                    _key("repository"), args.repository, rule, "choose another id, or another project"
                )

    def own_accounts(self, parsed: Mapping[str, Any]) -> None:
        """The accounts that the program makes and grants must not be granted a second time."""
        if (
            not parsed.get("service_accounts", PythonRegistryArgs.service_accounts)
            or "project" not in parsed
        ):
            return
        repository = parsed.get("repository", PythonRegistryArgs.repository)
        for suffix in (READER_SUFFIX, WRITER_SUFFIX):
            own = f"serviceAccount:{repository}{suffix}@{parsed['project']}.iam.gserviceaccount.com"
            for attribute in ("readers", "writers", "admins"):
                for member in parsed.get(attribute, ()):
                    if member_identity(member) == member_identity(own):
                        rule = "is made and granted its role by serviceAccounts"
                        self.problem(_key(attribute), member, rule, "remove it")

    def switched_off(self, values: Mapping[str, str], parsed: Mapping[str, Any]) -> None:
        """What is said about something that another setting has switched off."""
        for attribute, switch, needs in (
            ("impersonators", "service_accounts", "needs the accounts, which are off"),
            ("github", "service_accounts", "needs the accounts, which are off"),
            ("private_packages", "pypi_proxy", "has nothing to guard: PyPI is not behind this index"),
        ):
            nothing = (None, getattr(PythonRegistryArgs, attribute))
            if parsed.get(switch) is False and parsed.get(attribute) not in nothing:
                key = _key(attribute)
                self.problem(key, values[key], needs, f"remove it, or set {_key(switch)} to true")


def _nearest(word: str, words: Iterable[str]) -> str | None:
    """The right word that a misspelt one is most like, if any is; of two alike the first."""
    ratios = {right: difflib.SequenceMatcher(None, word.lower(), right.lower()).ratio() for right in words}
    best = max(ratios, key=ratios.__getitem__)
    return best if ratios[best] >= ALIKE else None


def _label_character(character: str) -> str:
    """What a label may have in the place of a character in lower case: itself, or a hyphen."""
    return character if character == "_" or unicodedata.category(character) in LABEL_REST else "-"


def _json(text: str) -> Any:
    """The value that a text stands for, or None: the engine hands over lists and objects as JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
