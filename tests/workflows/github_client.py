"""A fake of GitHub's client in node, which runs the github-script steps and records their requests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.workflow_files import JOBS

BOT = {"user": {"type": "Bot", "login": "github-actions[bot]"}}
# Every list request returns $KNOWN. Every other request fails with the status $REFUSED, if it is set.
FAKE_CLIENT = """
const known = JSON.parse(process.env.KNOWN), requests = [];
const call = (name) => async (parameters) => {
  const status = Number(process.env.REFUSED);
  if (status) throw Object.assign(new Error(`status ${status}`), { status });
  requests.push([name, parameters]);
};
const issues = new Proxy({}, { get: (_, name) => call(name) });
const github = { rest: { issues }, paginate: async () => known };
const context = { actor: process.env.GITHUB_ACTOR, repo: { owner: 'o', repo: 'r' }, issue: { number: 7 },
  serverUrl: 'https://github.com', runId: 5 };
console.log = console.error;
(async () => { SCRIPT; process.stdout.write(JSON.stringify(requests)); })();
"""


def run_script(folder: Path, job: str, known: list[Any], **env: str) -> list[Any]:
    """Run a job's github-script step in a folder. Return its requests, as pairs of name and parameters."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    script = JOBS[job]["steps"][-1]["with"]["script"]
    done = subprocess.run(
        ["node", "-e", FAKE_CLIENT.replace("SCRIPT", script)],
        cwd=folder,
        env={**os.environ, "KNOWN": json.dumps(known), **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
