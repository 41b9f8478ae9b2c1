"""The section "Clients": what changes for people and jobs that install and upload."""

from __future__ import annotations

import difflib

from tools.summary.grants import REPOSITORY
from tools.summary.markdown import Lines, block, code, codes
from tools.summary.previews import UNKNOWN, Preview
from tools.summary.wording import without_passwords

URLS = ("repository_url", "index_url")
# The summary shows the diff of this client file. The others change in the same way.
SHOWN_FILE = "pip_conf"
# The version of the outputs' contract with other projects. `warnings.py` reports it.
CONTRACT = "contract_version"
NO_OUTPUTS = (
    "This preview does not contain the new outputs. `pulumi preview --json` prints them if you set "
    "`PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true`."
)


def clients_section(preview: Preview) -> Lines:
    """Return the section, empty if no output changes."""
    before, after = preview.outputs_before, preview.outputs_after
    if preview.failed:
        return []
    if after is None:
        if any(step.type == REPOSITORY and step.op != "update" for step in preview.changes):
            return ["", "**Clients**", "", NO_OUTPUTS]
        return []
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    lines: Lines = []
    for name in URLS:
        if name in changed:
            old = f"{code(before[name])} → " if before.get(name) else ""
            lines.append(f"- {code(name)}: {old}{code(after.get(name, 'removed'))}")
    others = [
        name for name in changed if name not in (*URLS, SHOWN_FILE, CONTRACT) and before and name in after
    ]
    if others:
        lines.append(f"- Other outputs that change: {codes(sorted(others))}")
    if SHOWN_FILE in changed and before.get(SHOWN_FILE):
        old_lines, new_lines = (str(side.get(SHOWN_FILE, "")).splitlines() for side in (before, after))
        if after.get(SHOWN_FILE) == UNKNOWN:
            lines.append(f"- {code(SHOWN_FILE)} is known after the update")
        else:
            diff = list(difflib.unified_diff(old_lines, new_lines, lineterm="", n=1))[3:]
            lines += ["", f"{code(SHOWN_FILE)}:", "", *block(without_passwords("\n".join(diff)), "diff")]
    return ["", "**Clients**", "", *lines] if lines else []
