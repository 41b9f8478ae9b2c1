// One open issue per stack that differs from its stack file. The first run without a difference closes it.
const fs = require('fs');

module.exports = async ({ github, context, stack, drift }) => {
  const title = `Stack ${stack} differs from its stack file`;
  const open = await github.paginate(github.rest.issues.listForRepo, {
    ...context.repo, state: 'open', creator: 'github-actions[bot]', per_page: 100,
  });
  // There can be several if a user opens a closed issue again.
  const own = open.filter((issue) => issue.title === title && !issue.pull_request);
  const body = fs.readFileSync('summary.md', 'utf8');
  if (drift && own.length) {
    await github.rest.issues.update({ ...context.repo, issue_number: own[0].number, body });
  } else if (drift) {
    await github.rest.issues.create({ ...context.repo, title, body });
  } else {
    for (const issue of own) {
      await github.rest.issues.update({ ...context.repo, issue_number: issue.number, state: 'closed' });
    }
  }
};
