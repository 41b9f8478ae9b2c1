"""The warnings about repositories made by hand that an update adopts: the settings that it deletes.

The section "Changes" has all differences. `warnings.py` warns about grants, which no preview shows.
"""

from __future__ import annotations

from tools.summary.cleanup import cleanup_policies
from tools.summary.events import Props, list_of, mapping_of, text_of
from tools.summary.grants import REPOSITORY
from tools.summary.markdown import codes
from tools.summary.previews import Preview
from tools.summary.wording import capitalized_label


def adoptions(preview: Preview) -> list[str]:
    """Return what each adoption deletes. Packages and labels made by hand stay."""
    texts: list[str] = []
    for step in preview.changes:
        if step.op == "import" and step.type == REPOSITORY:
            subject = f"{capitalized_label(step)} was made by hand, and this update"
            # A preview can repeat the old outputs. The inputs have what the program sets.
            before, after = step.old_inputs, step.new_inputs
            policies = codes(sorted(cleanup_policies(before).keys() - cleanup_policies(after).keys()))
            if policies:
                texts.append(f"{subject} deletes its cleanup policies: {policies}.")
            upstreams = codes(sorted(_upstreams(before) - _upstreams(after)))
            if upstreams:
                text = (
                    f"{subject} deletes its upstreams: {upstreams}. Clients no longer install from there."
                )
                texts.append(text)
    return texts


def _upstreams(repository: Props) -> set[str]:
    """Return the full names of the repositories behind a virtual one."""
    policies = list_of(mapping_of(repository.get("virtualRepositoryConfig")).get("upstreamPolicies"))
    return {text_of(mapping_of(policy).get("repository")) for policy in policies}
