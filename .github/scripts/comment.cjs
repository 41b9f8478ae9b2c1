// One comment a stack on the pull request: the first run makes it, later ones change it.
const fs = require('fs');

const MARKER = /^<!-- preview of (\S+) -->/;

// Others may quote the marker, and other bots, too; theirs cannot be changed.
const stackOf = (comment) =>
  comment.user?.login === 'github-actions[bot]' ? comment.body?.match(MARKER)?.[1] : undefined;

const known = ({ github, context }) => github.paginate(github.rest.issues.listComments, {
  ...context.repo, issue_number: context.issue.number, per_page: 100,
});

const say = async ({ github, context }, comments, stack, text) => {
  const body = `<!-- preview of ${stack} -->\n${text}`;
  const own = comments.find((comment) => stackOf(comment) === stack);
  if (own) {
    await github.rest.issues.updateComment({ ...context.repo, comment_id: own.id, body });
  } else {
    await github.rest.issues.createComment({ ...context.repo, issue_number: context.issue.number, body });
  }
};

// What the preview of a stack said.
exports.preview = async ({ stack, ...run }) => {
  await say(run, await known(run), stack, fs.readFileSync('summary.md', 'utf8'));
};

// The stacks that are not previewed: those whose file is removed, and those that an earlier push touched.
exports.others = async ({ touched, removed, ...run }) => {
  const comments = await known(run);
  for (const stack of removed) {
    await say(run, comments, stack, `### Stack \`${stack}\`: its file is removed, and no more than that\n\n`
      + 'What the stack has made goes on existing, and nothing looks at it any more. To remove it as well, run '
      + `\`pulumi destroy --stack ${stack}\` and \`pulumi stack rm ${stack}\` while the file is there.\n`);
  }
  for (const stack of new Set(comments.map(stackOf))) {
    if (stack && !touched.includes(stack) && !removed.includes(stack)) {
      await say(run, comments, stack, `Stack \`${stack}\`: this pull request does not touch it any more.\n`);
    }
  }
};
