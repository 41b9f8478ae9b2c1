"""gcp:storage/bucket:Bucket and gcp:storage/bucketObject:BucketObject — a bucket, and a text in it.

Knows the properties that `examples/` use. A bucket is not changed in place, an object not read from a file
(`source`): the real plug-in does both. Who may read a bucket is in `sandbox.provider.iam`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from urllib.parse import quote

from sandbox.provider.resources import DELETION_POLICY, PROJECT, Cloud, ResourceType
from sandbox.provider.rest import PluginError, saying
from sandbox.provider.schema import COMPUTED, Field
from sandbox.provider.values import UNKNOWN, Props

STORAGE = "https://storage.googleapis.com/storage/v1"
UPLOAD = "https://storage.googleapis.com/upload/storage/v1"
PREVENTIONS = ("inherited", "enforced")
_FIXED = Field(required=True, replaces=True)


def _same_place(old: str, new: str) -> bool:
    return old.upper() == new.upper()


class Bucket(ResourceType):
    token = "gcp:storage/bucket:Bucket"  # noqa: S105 - a type's name
    fields = {  # noqa: RUF012 - declared by the base
        "name": _FIXED,
        "location": Field(required=True, replaces=True, same=_same_place),
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
        with saying("Error creating Bucket"):
            cloud.api.call("POST", f"{STORAGE}/b", body, project=cloud.project_of(planned))
        return planned["name"], None

    def read(self, ident: str, state: Props, cloud: Cloud) -> Props | None:
        with saying(f'Error when reading or editing Storage Bucket "{ident}"'):
            found = cloud.api.find(f"{STORAGE}/b/{ident}")
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

    def delete(self, ident: str, state: Props, cloud: Cloud) -> None:
        listed = cloud.api.call("GET", f"{STORAGE}/b/{ident}/o", versions="true").get("items", [])
        if listed and not state.get("forceDestroy"):
            raise PluginError(
                f"Error trying to delete bucket {ident} containing objects without `force_destroy` set to "
                "true"
            )
        for found in listed:
            cloud.api.call("DELETE", _object_url(ident, found["name"]))
        with saying(f"Error deleting Bucket {ident}"):
            cloud.api.call("DELETE", f"{STORAGE}/b/{ident}")

    def parse_id(self, ident: str, cloud: Cloud) -> tuple[str, Props]:
        return ident.rpartition("/")[2], {"forceDestroy": False}


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
        described = {"name": name, "bucket": bucket}
        if planned["contentType"] != UNKNOWN:
            described["contentType"] = planned["contentType"]
        with saying(f"Error uploading object {name}"):
            cloud.api.upload(f"{UPLOAD}/b/{bucket}/o", described, planned["content"], name=name)
        return f"{bucket}-{name}", None

    def read(self, ident: str, state: Props, cloud: Cloud) -> Props | None:
        with saying(f'Error when reading or editing Storage Bucket Object "{state["name"]}"'):
            found = cloud.api.find(_object_url(state["bucket"], state["name"]))
        if found is None:
            return None
        content = state.get("content")
        digest = hashlib.md5((content or "").encode(), usedforsecurity=False).digest()
        changed = base64.b64encode(digest).decode() != found["md5Hash"]
        return {
            **{key: found[key] for key in ("bucket", "name", "selfLink")},
            # The real plug-in notes the digest, and sees by it that the content is another.
            "content": "" if changed else content,
            "contentType": found.get("contentType"),
            "generation": int(found["generation"]),
            "md5hash": found["md5Hash"],
            "outputName": found["name"],
        }

    def update(self, ident: str, planned: Props, changed: set[str], cloud: Cloud) -> None:
        self.create(planned, cloud)

    def delete(self, ident: str, state: Props, cloud: Cloud) -> None:
        with saying(f"Error deleting object {state['name']}"):
            cloud.api.call("DELETE", _object_url(state["bucket"], state["name"]))

    def parse_id(self, ident: str, cloud: Cloud) -> tuple[str, Props]:
        raise PluginError(f"{self.token} cannot be imported: {json.dumps(ident)}")


def _object_url(bucket: str, name: str) -> str:
    return f"{STORAGE}/b/{bucket}/o/{quote(name, safe='')}"
