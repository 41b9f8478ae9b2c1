"""gcp:storage/bucket:Bucket, a bucket; gcp:storage/bucketObject:BucketObject, a text in a bucket;
gcp:storage/bucketIAMMember:BucketIAMMember, a role on a bucket.

Knows the properties that `examples/` use. Unlike the real provider, it does not update a bucket in place
and does not read an object from a file (`source`).
"""

from __future__ import annotations

import base64
import hashlib
import json
from urllib.parse import quote

from sandbox.provider.iam_policy import MEMBER_FIELDS, POLICY_VERSION, IamMember, IamPolicy
from sandbox.provider.resources import DELETION_POLICY, PROJECT, Cloud, ResourceType
from sandbox.provider.rest import ProviderError, error_context
from sandbox.provider.schema import COMPUTED, Field
from sandbox.provider.values import UNKNOWN, Json, Props

STORAGE = "https://storage.googleapis.com/storage/v1"
UPLOAD = "https://storage.googleapis.com/upload/storage/v1"
PREVENTIONS = ("inherited", "enforced")
_FIXED = Field(required=True, replaces=True)


def _is_same_location(old: str, new: str) -> bool:
    return old.upper() == new.upper()


class Bucket(ResourceType):
    token = "gcp:storage/bucket:Bucket"  # noqa: S105 - a type's name
    fields = {  # noqa: RUF012 - declared by the base
        "name": _FIXED,
        "location": Field(required=True, replaces=True, is_same=_is_same_location),
        "project": PROJECT,
        "forceDestroy": Field(default=False),
        "publicAccessPrevention": Field(computed=True, replaces=True, choices=PREVENTIONS),
        "uniformBucketLevelAccess": Field(computed=True, replaces=True),
        "deletionPolicy": DELETION_POLICY,
        "projectNumber": COMPUTED,
        "selfLink": COMPUTED,
        "storageClass": COMPUTED,
        "url": COMPUTED,
    }

    def create(self, planned: Props, cloud: Cloud) -> tuple[str, Props | None]:
        access: Props = {}
        if planned.get("publicAccessPrevention") not in (None, UNKNOWN):
            access["publicAccessPrevention"] = planned["publicAccessPrevention"]
        if planned.get("uniformBucketLevelAccess") not in (None, UNKNOWN):
            access["uniformBucketLevelAccess"] = {"enabled": planned["uniformBucketLevelAccess"]}
        body = {"name": planned["name"], "location": planned["location"], "iamConfiguration": access}
        with error_context("Error creating Bucket"):
            cloud.api.call("POST", f"{STORAGE}/b", body, project=cloud.project_of(planned))
        return planned["name"], None

    def read(self, resource_id: str, state: Props, cloud: Cloud) -> Props | None:
        with error_context(f'Error when reading or editing Storage Bucket "{resource_id}"'):
            found = cloud.api.find(f"{STORAGE}/b/{resource_id}")
        if found is None:
            return None
        access = found["iamConfiguration"]
        return {
            **{key: found[key] for key in ("name", "location", "selfLink", "storageClass")},
            "projectNumber": int(found["projectNumber"]),
            "project": state.get("project") or cloud.project,
            "publicAccessPrevention": access["publicAccessPrevention"],
            "uniformBucketLevelAccess": access["uniformBucketLevelAccess"]["enabled"],
            "url": f"gs://{found['name']}",
        }

    def delete(self, resource_id: str, state: Props, cloud: Cloud) -> None:
        listed = cloud.api.call("GET", f"{STORAGE}/b/{resource_id}/o", versions="true").get("items", [])
        if listed and not state.get("forceDestroy"):
            raise ProviderError(
                f"Error trying to delete bucket {resource_id} containing objects without `force_destroy` "
                "set to true"
            )
        for found in listed:
            cloud.api.call("DELETE", _object_url(resource_id, found["name"]))
        with error_context(f"Error deleting Bucket {resource_id}"):
            cloud.api.call("DELETE", f"{STORAGE}/b/{resource_id}")

    def parse_id(self, resource_id: str, cloud: Cloud) -> tuple[str, Props]:
        return resource_id.rpartition("/")[2], {"forceDestroy": False}


class BucketObject(ResourceType):
    token = "gcp:storage/bucketObject:BucketObject"  # noqa: S105 - a type's name
    fields = {  # noqa: RUF012 - declared by the base
        "bucket": _FIXED,
        "name": _FIXED,
        "content": Field(required=True),
        "contentType": Field(computed=True, replaces=True),
        "deletionPolicy": DELETION_POLICY,
        "generation": COMPUTED,
        "md5hash": COMPUTED,
        "mediaLink": COMPUTED,
        "outputName": COMPUTED,
        "selfLink": COMPUTED,
    }

    def create(self, planned: Props, cloud: Cloud) -> tuple[str, Props | None]:
        bucket, name = planned["bucket"], planned["name"]
        metadata = {"name": name, "bucket": bucket}
        if planned["contentType"] != UNKNOWN:
            metadata["contentType"] = planned["contentType"]
        with error_context(f"Error uploading object {name}"):
            cloud.api.upload(f"{UPLOAD}/b/{bucket}/o", metadata, planned["content"], name=name)
        return f"{bucket}-{name}", None

    def read(self, resource_id: str, state: Props, cloud: Cloud) -> Props | None:
        with error_context(f'Error when reading or editing Storage Bucket Object "{state["name"]}"'):
            found = cloud.api.find(_object_url(state["bucket"], state["name"]))
        if found is None:
            return None
        content = state.get("content")
        digest = hashlib.md5((content or "").encode(), usedforsecurity=False).digest()
        changed = base64.b64encode(digest).decode() != found["md5Hash"]
        return {
            **{key: found[key] for key in ("bucket", "name", "selfLink")},
            # The real provider compares digests to find out that the content changed.
            "content": "" if changed else content,
            "contentType": found.get("contentType"),
            "generation": int(found["generation"]),
            "md5hash": found["md5Hash"],
            "outputName": found["name"],
        }

    def update(self, resource_id: str, planned: Props, changed: set[str], cloud: Cloud) -> None:
        self.create(planned, cloud)

    def delete(self, resource_id: str, state: Props, cloud: Cloud) -> None:
        with error_context(f"Error deleting object {state['name']}"):
            cloud.api.call("DELETE", _object_url(state["bucket"], state["name"]))

    def parse_id(self, resource_id: str, cloud: Cloud) -> tuple[str, Props]:
        raise ProviderError(f"{self.token} cannot be imported: {json.dumps(resource_id)}")


def _object_url(bucket: str, name: str) -> str:
    return f"{STORAGE}/b/{bucket}/o/{quote(name, safe='')}"


def _is_same_bucket(old: str, new: str) -> bool:
    return old.removeprefix("b/") == new.removeprefix("b/")


class _BucketPolicy(IamPolicy):
    key = "bucket"
    fields = {  # noqa: RUF012 - declared by the base
        "bucket": Field(required=True, replaces=True, is_same=_is_same_bucket)
    }
    api = STORAGE
    title = 'storage bucket "{}"'

    def locate(self, state: Props, cloud: Cloud) -> Props:
        return {"bucket": f"b/{state['bucket'].removeprefix('b/')}"}

    def get(self, name: str, cloud: Cloud) -> Json:
        query = {"optionsRequestedPolicyVersion": str(POLICY_VERSION)}
        return cloud.api.call("GET", f"{STORAGE}/{name}/iam", **query)

    def set(self, name: str, policy: Json, cloud: Cloud) -> None:
        cloud.api.call("PUT", f"{STORAGE}/{name}/iam", policy)


class BucketIamMember(IamMember):
    token = "gcp:storage/bucketIAMMember:BucketIAMMember"  # noqa: S105
    policy, fields = _BucketPolicy(), {**_BucketPolicy.fields, **MEMBER_FIELDS}
