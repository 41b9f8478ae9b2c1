"""gcp:projects/service:Service — one Google API, enabled on one project.

Services that are asked for together are enabled by one call, as the real plug-in does it; its window
of three seconds is a fraction of one here. Services that were renamed are not known here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from sandbox.provider.resources import DELETION_POLICY, Cloud, ResourceType
from sandbox.provider.rest import OPERATION_SECONDS, PluginError, saying
from sandbox.provider.schema import Field
from sandbox.provider.values import Props

USAGE = "https://serviceusage.googleapis.com/v1"
PROJECTS = "https://cloudresourcemanager.googleapis.com/v1/projects"
LISTED_FIELDS, PAGE_SIZE = "services/name,nextPageToken", "200"
# serviceusage/docs/reference/rest/v1/services/batchEnable: at most 20 services a call.
BATCH_SIZE = 20
# Ours: long enough for the engine to ask for what it makes at the same time.
BATCH_WINDOW_SECONDS = 0.15


def _not_a_domain(value: str, _: str) -> Iterator[str]:
    if "." not in value:
        yield f"expected {value} to be a domain like serviceusage.googleapis.com"


def _last(name: str) -> str:
    return name.rpartition("/")[2]


@dataclass
class _Batch:
    """Services of one project that wait to be enabled together."""

    services: list[str] = field(default_factory=list[str])
    done: threading.Event = field(default_factory=threading.Event)
    failure: PluginError | None = None


class Service(ResourceType):
    token = "gcp:projects/service:Service"  # noqa: S105 - a type's name
    fields = {  # noqa: RUF012 - declared by the base
        "service": Field(required=True, replaces=True, refuse=_not_a_domain),
        "project": Field(computed=True, replaces=True, same=lambda old, new: _last(old) == _last(new)),
        "disableDependentServices": Field(),
        "disableOnDestroy": Field(),
        "checkIfServiceHasUsageOnDestroy": Field(),
        "deletionPolicy": DELETION_POLICY,
    }

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batches: dict[str, _Batch] = {}

    def create(self, planned: Props, cloud: Cloud) -> tuple[str, Props | None]:
        project, service = _last(cloud.project_of(planned)), planned["service"]
        ident = f"{project}/{service}"
        # It has no id yet: the real plug-in's message has a gap there, too.
        with saying("Error when reading or editing Project Service "):
            if service in self._listed(project, cloud):
                return ident, {**planned, "project": project}
        with saying(f'Request `Enable Project Service "{service}" for project "{project}"` returned error'):
            self._enable_together(service, project, cloud)
        return ident, None

    def read(self, ident: str, state: Props, cloud: Cloud) -> Props | None:
        project, service = ident.split("/")
        with saying(f"Error when reading or editing Project Service {ident}"):
            found = cloud.api.find(f"{PROJECTS}/{project}")
            if found is None or found.get("lifecycleState") == "DELETE_REQUESTED":
                return None
            if service not in self._listed(project, cloud):
                return None
        return {"project": project, "service": service}

    def delete(self, ident: str, state: Props, cloud: Cloud) -> None:
        if not state.get("disableOnDestroy"):
            return
        project, service = ident.split("/")
        check = "CHECK" if state.get("checkIfServiceHasUsageOnDestroy") else "SKIP"
        body: Props = {"checkIfServiceHasUsage": check}
        if state.get("disableDependentServices"):
            body["disableDependentServices"] = True
        with saying(f'Error disabling service "{service}" for project "{project}"'):
            operation = cloud.api.call(
                "POST", f"{USAGE}/projects/{project}/services/{service}:disable", body
            )
            cloud.api.finish(operation, USAGE, "api to disable")

    def parse_id(self, ident: str, cloud: Cloud) -> tuple[str, Props]:
        project, _, service = ident.partition("/")
        if not service or "/" in service:
            raise PluginError(
                "Invalid google_project_service id format for import, expecting "
                f"`{{project}}/{{service}}`, found {ident}"
            )
        return ident, {"project": project, "service": service}

    def _listed(self, project: str, cloud: Cloud) -> set[str]:
        """What is enabled, asked as one of a batch: the real plug-in's message says so."""
        with saying(f"Request `List Project Services {project}` returned error"):
            return self._enabled(project, cloud)

    def _enabled(self, project: str, cloud: Cloud) -> set[str]:
        query = {"fields": LISTED_FIELDS, "filter": "state:ENABLED", "pageSize": PAGE_SIZE}
        names: set[str] = set()
        with saying(f"Failed to list enabled services for project {project}"):
            while True:
                page = cloud.api.call("GET", f"{USAGE}/projects/{project}/services", **query)
                names |= {_last(service["name"]) for service in page.get("services", [])}
                if not page.get("nextPageToken"):
                    return names
                query["pageToken"] = page["nextPageToken"]

    def _enable_together(self, service: str, project: str, cloud: Cloud) -> None:
        with self._lock:
            leads = project not in self._batches
            batch = self._batches.setdefault(project, _Batch())
            batch.services.append(service)
        if not leads:
            batch.done.wait()
        else:
            try:
                cloud.api.pause(BATCH_WINDOW_SECONDS)
                with self._lock:
                    del self._batches[project]
                self._enable(batch.services, project, cloud)
            except PluginError as error:
                batch.failure = error
            finally:
                batch.done.set()
        if batch.failure:
            raise PluginError(str(batch.failure)) from batch.failure

    def _enable(self, services: list[str], project: str, cloud: Cloud) -> None:
        base = f"{USAGE}/projects/{project}/services"
        with saying("failed to enable services: failed on request preconditions"):
            for start in range(0, len(services), BATCH_SIZE):
                names = services[start : start + BATCH_SIZE]
                # batchEnable refuses a single one.
                operation = (
                    cloud.api.call("POST", f"{base}/{names[0]}:enable", {})
                    if len(names) == 1
                    else cloud.api.call("POST", f"{base}:batchEnable", {"serviceIds": names})
                )
                cloud.api.finish(operation, USAGE, f'Enable Project "{project}" Services: {names}')
        for last in cloud.api.attempts(OPERATION_SECONDS):
            missing = sorted(set(services) - self._enabled(project, cloud))
            if not missing:
                return
            if last:
                raise PluginError(f"failed to enable some service(s) {missing} for {project}")
