"""gcp:projects/service:Service, one Google API that is enabled in one project.

One call enables all services that the engine creates at the same time, as in the real provider. The real
one collects them for three seconds; this one collects for a fraction of a second. It does not know the old
names of renamed services.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from sandbox.provider.resources import DELETION_POLICY, Cloud, ResourceType
from sandbox.provider.rest import OPERATION_SECONDS, ProviderError, error_context
from sandbox.provider.schema import Field
from sandbox.provider.values import Props

USAGE = "https://serviceusage.googleapis.com/v1"
PROJECTS = "https://cloudresourcemanager.googleapis.com/v1/projects"
LISTED_FIELDS, PAGE_SIZE = "services/name,nextPageToken", "200"
# serviceusage/docs/reference/rest/v1/services/batchEnable: at most 20 services a call.
BATCH_SIZE = 20
# Not the real value: long enough for the engine to send the services that it creates at the same time.
BATCH_WINDOW_SECONDS = 0.15


def _validate_domain(value: str, _: str) -> Iterator[str]:
    if "." not in value:
        yield f"expected {value} to be a domain like serviceusage.googleapis.com"


def _last(name: str) -> str:
    return name.rpartition("/")[2]


@dataclass
class _Batch:
    """Services of one project that one call will enable."""

    services: list[str] = field(default_factory=list[str])
    done: threading.Event = field(default_factory=threading.Event)
    failure: ProviderError | None = None


class Service(ResourceType):
    token = "gcp:projects/service:Service"  # noqa: S105 - a type's name
    fields = {  # noqa: RUF012 - declared by the base
        "service": Field(required=True, replaces=True, validate=_validate_domain),
        "project": Field(computed=True, replaces=True, is_same=lambda old, new: _last(old) == _last(new)),
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
        resource_id = f"{project}/{service}"
        # There is no id yet. The real provider's message, too, ends with a space.
        with error_context("Error when reading or editing Project Service "):
            if service in self._listed(project, cloud):
                return resource_id, {**planned, "project": project}
        with error_context(
            f'Request `Enable Project Service "{service}" for project "{project}"` returned error'
        ):
            self._enable_together(service, project, cloud)
        return resource_id, None

    def read(self, resource_id: str, state: Props, cloud: Cloud) -> Props | None:
        project, service = resource_id.split("/")
        with error_context(f"Error when reading or editing Project Service {resource_id}"):
            found = cloud.api.find(f"{PROJECTS}/{project}")
            if found is None or found.get("lifecycleState") == "DELETE_REQUESTED":
                return None
            if service not in self._listed(project, cloud):
                return None
        return {"project": project, "service": service}

    def delete(self, resource_id: str, state: Props, cloud: Cloud) -> None:
        if not state.get("disableOnDestroy"):
            return
        project, service = resource_id.split("/")
        check = "CHECK" if state.get("checkIfServiceHasUsageOnDestroy") else "SKIP"
        body: Props = {"checkIfServiceHasUsage": check}
        if state.get("disableDependentServices"):
            body["disableDependentServices"] = True
        with error_context(f'Error disabling service "{service}" for project "{project}"'):
            operation = cloud.api.call(
                "POST", f"{USAGE}/projects/{project}/services/{service}:disable", body
            )
            cloud.api.wait_for(operation, USAGE, "api to disable")

    def parse_id(self, resource_id: str, cloud: Cloud) -> tuple[str, Props]:
        project, _, service = resource_id.partition("/")
        if not service or "/" in service:
            raise ProviderError(
                "Invalid google_project_service id format for import, expecting "
                f"`{{project}}/{{service}}`, found {resource_id}"
            )
        return resource_id, {"project": project, "service": service}

    def _listed(self, project: str, cloud: Cloud) -> set[str]:
        """The enabled services. The error has the real provider's words: it batches this request."""
        with error_context(f"Request `List Project Services {project}` returned error"):
            return self._enabled(project, cloud)

    def _enabled(self, project: str, cloud: Cloud) -> set[str]:
        query = {"fields": LISTED_FIELDS, "filter": "state:ENABLED", "pageSize": PAGE_SIZE}
        names: set[str] = set()
        with error_context(f"Failed to list enabled services for project {project}"):
            while True:
                page = cloud.api.call("GET", f"{USAGE}/projects/{project}/services", **query)
                names |= {_last(service["name"]) for service in page.get("services", [])}
                if not page.get("nextPageToken"):
                    return names
                query["pageToken"] = page["nextPageToken"]

    def _enable_together(self, service: str, project: str, cloud: Cloud) -> None:
        with self._lock:
            is_first = project not in self._batches
            batch = self._batches.setdefault(project, _Batch())
            batch.services.append(service)
        if not is_first:
            batch.done.wait()
        else:
            try:
                cloud.api.pause(BATCH_WINDOW_SECONDS)
                with self._lock:
                    del self._batches[project]
                self._enable(batch.services, project, cloud)
            except ProviderError as error:
                batch.failure = error
            finally:
                batch.done.set()
        if batch.failure:
            raise ProviderError(str(batch.failure)) from batch.failure

    def _enable(self, services: list[str], project: str, cloud: Cloud) -> None:
        base = f"{USAGE}/projects/{project}/services"
        with error_context("failed to enable services: failed on request preconditions"):
            for start in range(0, len(services), BATCH_SIZE):
                names = services[start : start + BATCH_SIZE]
                # batchEnable rejects a single service.
                operation = (
                    cloud.api.call("POST", f"{base}/{names[0]}:enable", {})
                    if len(names) == 1
                    else cloud.api.call("POST", f"{base}:batchEnable", {"serviceIds": names})
                )
                cloud.api.wait_for(operation, USAGE, f'Enable Project "{project}" Services: {names}')
        for last in cloud.api.attempts(OPERATION_SECONDS):
            missing = sorted(set(services) - self._enabled(project, cloud))
            if not missing:
                return
            if last:
                raise ProviderError(f"failed to enable some service(s) {missing} for {project}")
