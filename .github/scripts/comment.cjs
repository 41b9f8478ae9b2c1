// One comment a stack on the pull request: the first run makes it, later ones change it.
const fs = require('fs');

module.exports = async ({ github, context, stack }) => {
  const marker = `<!-- preview of ${stack} -->`;
  const body = `${marker}\n${fs.readFileSync('summary.md', 'utf8')}`;
  const where = { ...context.repo, issue_number: context.issue.number };
  const comments = await github.paginate(github.rest.issues.listComments, { ...where, per_page: 100 });
  // Others may quote the marker; theirs cannot be changed.
  const own = comments.find((c) => c.user.type === 'Bot' && c.body.startsWith(marker));
  if (own) {
    await github.rest.issues.updateComment({ ...context.repo, comment_id: own.id, body });
  } else {
    await github.rest.issues.createComment({ ...where, body });
  }
};
