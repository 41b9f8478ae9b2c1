// One comment per stack on the pull request. The first run creates it, and later runs update it.
const fs = require('fs');

const MARKER = /^<!-- preview of (\S+) -->/;
const DEPENDABOT = 'dependabot[bot]';

// Other users and bots can quote the marker. Only this workflow's own comments count.
const stackOf = (comment) =>
  comment.user?.login === 'github-actions[bot]' ? comment.body?.match(MARKER)?.[1] : undefined;

const listComments = ({ github, context }) => github.paginate(github.rest.issues.listComments, {
  ...context.repo, issue_number: context.issue.number, per_page: 100,
});

const writeComment = async ({ github, context }, comments, stack, text) => {
  const body = `<!-- preview of ${stack} -->\n${text}`;
  const own = comments.find((comment) => stackOf(comment) === stack);
  if (own) {
    await github.rest.issues.updateComment({ ...context.repo, comment_id: own.id, body });
  } else {
    await github.rest.issues.createComment({ ...context.repo, issue_number: context.issue.number, body });
  }
};

// The summary of one stack's preview. Without one, a step before it failed.
exports.preview = async ({ stack, ...run }) => {
  const { serverUrl, repo, runId } = run.context;
  const summary = fs.existsSync('summary.md') ? fs.readFileSync('summary.md', 'utf8') : '';
  await writeComment(run, await listComments(run), stack, summary || `### Stack \`${stack}\`: no preview\n\n`
    + `A step before the preview failed. [The run](${serverUrl}/${repo.owner}/${repo.repo}/actions/runs/${runId}) has the `
    + `reason. If the login failed, check that the environment \`preview-${stack}\` has its three variables.\n`);
};

// The stacks without a preview: Dependabot started the run, the stack file is deleted, or only an earlier push
// affected the stack.
exports.others = async ({ affected, removed, ...run }) => {
  const robot = run.context.actor === DEPENDABOT;
  try {
    await writeOthers({ affected, removed, robot, ...run });
  } catch (error) {
    // The token of such a run can be read-only. The job `result` writes the reason to the page of the run.
    if (!robot || error.status !== 403) throw error;
    console.log(`No comment: ${error.message}`);
  }
};

const writeOthers = async ({ affected, removed, robot, ...run }) => {
  const comments = await listComments(run);
  for (const stack of robot ? affected : []) {
    await writeComment(run, comments, stack, `### Stack \`${stack}\`: no preview\n\n`
      + 'Dependabot started this run, so it gets no login. To get a preview, push a commit to this branch, or close '
      + 'the pull request and open it again.\n');
  }
  for (const stack of removed) {
    await writeComment(run, comments, stack, `### Stack \`${stack}\`: stack file deleted, resources kept\n\n`
      + 'Deleting the stack file does not destroy the stack, and no workflow checks it any more. To destroy it, run '
      + `\`pulumi destroy --stack ${stack}\` and \`pulumi stack rm ${stack}\` before you delete the file.\n`);
  }
  for (const stack of new Set(comments.map(stackOf))) {
    if (stack && !affected.includes(stack) && !removed.includes(stack)) {
      await writeComment(run, comments, stack, `Stack \`${stack}\`: this pull request no longer affects it.\n`);
    }
  }
};
