import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

const text = readFileSync('docs/threat-model.md', 'utf8');

/** Headings and threats of SLSA v1.2, word for word (spec/threats.md of the branch releases/v1.2), without the levels. */
const SPECIFICATION: Readonly<Record<string, readonly string[]>> = {
  '(A) Producer': ['Software producer intentionally creates a malicious revision of the source'],
  '(B1) Submit change without review': [
    'Directly submit without review',
    'Single actor controls multiple accounts',
    'Use a robot account to submit change',
    'Abuse of rule exceptions',
    'Highly-permissioned actor bypasses or disables controls',
  ],
  '(B2) Evade change management process': [
    'Alter change history',
    'Replace tagged content with malicious content',
    'Skip required checks',
    'Modify code after review',
    'Submit a change that is unreviewable',
    'Copy a reviewed change to another context',
    'Commit graph attacks',
  ],
  '(B3) Render code review ineffective': [
    'Collude with another trusted person',
    'Trick reviewer into approving bad code',
    'Reviewer blindly approves changes',
  ],
  '(B4) Render change metadata ineffective': ['Forge change metadata'],
  '(C) Source code management': ['Platform admin abuses privileges', 'Exploit vulnerability in SCM'],
  '(D) External build parameters': [
    'Build from unofficial fork of code',
    'Build from unofficial branch or tag',
    'Build from unofficial build steps',
    'Build from unofficial parameters',
    'Build from modified version of code modified after checkout',
  ],
  '(E) Build process': [
    'Forge values of the provenance (other than output digest)',
    'Forge output digest of the provenance',
    'Compromise project owner',
    'Compromise other build',
    'Steal cryptographic secrets',
    'Poison the build cache',
    'Compromise build platform admin',
  ],
  '(F) Artifact publication': [
    'Build with untrusted CI/CD',
    'Upload package without provenance',
    'Tamper with artifact after CI/CD',
    'Tamper with provenance',
  ],
  '(G) Distribution channel': [
    'Build with untrusted CI/CD',
    'Issue VSA from untrusted intermediary',
    'Upload package without provenance or VSA',
    'Replace package and VSA with another',
    'Tamper with artifact after upload',
    'Tamper with provenance or VSA',
  ],
  '(H) Package selection': ['Dependency confusion', 'Typosquatting'],
  '(I) Usage': ['Improper usage'],
  'Build dependency': [
    'Include a vulnerable dependency (library, base image, bundled file, etc.)',
    'Use a compromised build tool (compiler, utility, interpreter, OS package, etc.)',
    'Use a compromised runtime dependency during the build (for tests, dynamic linking, etc.)',
  ],
  'Related threats': ['Use a compromised dependency at runtime'],
  'Availability threats': [
    'Delete the code',
    'A dependency becomes temporarily or permanently unavailable to the build process',
    'De-list artifact',
    'De-list provenance',
  ],
  'Verification threats': ['Tamper with recorded expectations', 'Exploit cryptographic hash collisions'],
};

const INCIDENTS = [
  'SolarWinds',
  'Log4Shell',
  'xz',
  'Ultralytics',
  'tj-actions',
  'reviewdog',
  's1ngularity',
  'GhostAction',
  'chalk and debug',
  'Shai-Hulud, 2025-09 and 2025-11',
  'hackerbot-claw',
  'trivy-action',
  'LiteLLM',
  'axios',
  'TanStack',
  'Megalodon',
];

interface Row {
  readonly section: string;
  readonly heading: string;
  readonly cells: readonly string[];
}

/** Rows of all tables, each with the headings that it stands under. */
function rowsOf(markdown: string): readonly Row[] {
  const rows: Row[] = [];
  let [section, heading] = ['', ''];
  for (const line of markdown.split('\n')) {
    const [, level, title = ''] = /^(##+) (.+)/.exec(line) ?? [];
    if (level === '##') [section, heading] = [title, ''];
    else if (level === '###') heading = title;
    const cells = line.split('|').slice(1, -1);
    if (line.startsWith('| ')) rows.push({ section, heading, cells: cells.map((cell) => cell.trim()) });
  }
  return rows.filter(({ cells }) => cells.at(-1) !== 'test');
}

/** `path`: "title", "title"; `path`: "title" */
function evidenceOf(cell: string): readonly { readonly path: string; readonly titles: readonly string[] }[] {
  return cell
    .split('; `')
    .map((part) => ({
      path: /^`?([^`]+)`: /.exec(part)?.[1] ?? part,
      titles: [...part.matchAll(/"([^"]+)"/g)].map(([, title = '']) => title),
    }))
    .filter(({ path }) => path !== 'none');
}

/** A title counts when the file has it as a whole string, or as what a template begins with: not in a comment, not as a part. */
function hasTitle(source: string, title: string): boolean {
  const code = source.replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, '');
  return ["'", '"', '`'].some((quote) =>
    [`${quote}${title}${quote}`, `${quote}${title} \${`].some((literal) => code.includes(literal)),
  );
}

/** What is wrong with the document; nothing when every row holds. */
function problemsOf(markdown: string, read: (path: string) => string | undefined): readonly string[] {
  const rows = rowsOf(markdown);
  const inSpecification = rows.filter(({ section }) => section === 'The threats of SLSA v1.2');
  const wanted = Object.entries(SPECIFICATION).flatMap(([heading, names]) =>
    names.map((name) => `${heading}: ${name}`),
  );
  const found = inSpecification.map(({ heading, cells }) => `${heading}: ${cells[0]}`);
  const incidents = rows
    .filter(({ section }) => section === 'What has happened to others')
    .map(({ cells }) => cells[0]);
  return [
    ...wanted.filter((name) => !found.includes(name)).map((name) => `missing: ${name}`),
    ...found.filter((name) => !wanted.includes(name)).map((name) => `not of the specification: ${name}`),
    ...INCIDENTS.filter((name) => !incidents.join('\n').includes(name)).map((name) => `missing: ${name}`),
    ...rows.filter(({ section }) => section !== 'Who is trusted').flatMap((row) => problemsOfRow(row, read)),
  ];
}

function problemsOfRow({ cells }: Row, read: (path: string) => string | undefined): readonly string[] {
  const [name = '', how = '', last = ''] = [cells[0], cells.at(-2), cells.at(-1)];
  const evidence = evidenceOf(last);
  const honest = /^\*\*Not covered\*\*, because .+\. To do: .+\.$/.test(how);
  if (evidence.length === 0) return honest ? [] : [`${name}: neither a test nor what is left to do`];
  if (honest) return [`${name}: not covered, and yet a test`];
  return evidence.flatMap(({ path, titles }) => {
    const source = read(path);
    if (!path.endsWith('.test.ts') || source === undefined) return [`${name}: no test file "${path}"`];
    if (titles.length === 0) return [`${name}: "${path}" without a title`];
    return titles.filter((title) => !hasTitle(source, title)).map((title) => `${name}: "${path}" has no "${title}"`);
  });
}

const fromDisk = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);

describe('the threat model', () => {
  test('has every threat of the specification, and each row a test that is there, or what is left to do', () => {
    expect(problemsOf(text, fromDisk)).toEqual([]);
  });

  test.each<readonly [string, string | RegExp, string, string]>([
    ['a threat of the specification is gone', /^\| Forge change metadata .*\n/m, '', 'missing: (B4)'],
    ['a threat has another name', '| Poison the build cache |', '| Poison a cache |', 'not of the specification'],
    [
      'a threat under another heading',
      '### (G) Distribution channel\n',
      '',
      'missing: (G) Distribution channel: Tamper',
    ],
    ['an incident is gone', /^\| s1ngularity .*\n/m, '', 'missing: s1ngularity'],
    ['a test file is gone', '`actions/watch/test/watch.test.ts`', '`actions/watch/test/x.test.ts`', 'no test file'],
    ['a title is gone', '"a hand-over by name"', '"a hand-over by nam"', 'has no "a hand-over by nam"'],
    ['a row without a title', /: "refuses %j"/, ': ', 'without a title'],
    ['a row without tests', /`packages\/digest[^|]*/, 'none ', 'neither a test'],
    ['nothing to do', /To do: decide whose[^|]*/, '', 'neither a test'],
  ])('goes red when %s', (_what, from, to, problem) => {
    const changed = text.replace(from, () => to);
    expect(changed).not.toBe(text);
    expect(problemsOf(changed, fromDisk).join('\n')).toContain(problem);
  });

  test('goes red when a test is renamed, commented out or only mentioned', () => {
    const path = 'actions/watch/test/watch.test.ts';
    const title = 'a later run without a state is refused';
    const source = readFileSync(path, 'utf8');
    for (const other of [`${title} now`, title.slice(2)]) {
      const read = (name: string) => (name === path ? source.replace(title, other) : fromDisk(name));
      expect(problemsOf(text, read)).toEqual([expect.stringContaining(`has no "${title}"`)]);
    }
    const commented = source.replace(`test('${title}'`, `// test('${title}'`);
    expect(problemsOf(text, (name) => (name === path ? commented : fromDisk(name)))).toHaveLength(1);
  });
});
