import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '../src/render/config.js';
import { renderTemplate } from '../src/render/template.js';

const SELF = { prefix: '$/', suffix: '' };

function render(text: string, values: Record<string, string> = {}, selfReference = SELF): string {
  return renderTemplate({ name: 'x.yml', text }, { values: new Map(Object.entries(values)), selfReference });
}

describe('a template', () => {
  test('replaces own tokens, keeps expressions, comments and order, and says where it comes from', () => {
    const text = render("b: '{{ host.name }}/${{ github.ref }}' # why\na: 1\n", { 'host.name': 'ghcr.io' });
    expect(text).toMatchInlineSnapshot(`
"# Generated from workflows/x.yml and paved.config.yml by \`npm run render\`; do not edit.
b: 'ghcr.io/\${{ github.ref }}' # why
a: 1
"
`);
  });

  test('names own actions at a commit for runners that do not know $/', () => {
    const self = { prefix: 'org/paved/', suffix: `@${'a'.repeat(40)}` };
    expect(render('uses: $/actions/sign\n', {}, self)).toContain(`uses: org/paved/actions/sign@${'a'.repeat(40)}\n`);
  });

  test('a value cannot break out of its scalar', () => {
    const text = render("a: '{{ v }}'\nb: 2\n", { v: "x' }\nb: 3 # ${{ secrets.X }}" });
    expect(text).toContain('b: 2');
    expect(text.match(/^b:/gm)).toHaveLength(1);
  });

  test('leaves out an environment that the configuration does not name, and no other key', () => {
    const text = "a: '{{ v }}'\nenvironment: '{{ v }}'\nb: { environment: kept }\nc: 1\n";
    expect(render(text, { v: '' })).toMatch(/do not edit\.\na: ''\nb: \{environment: kept\}\nc: 1\n$/);
    expect(render(text, { v: 'production' })).toContain("environment: 'production'\n");
  });

  test.each([
    ['an unknown key', "a: '{{ nothing }}'\n"],
    ['YAML that does not parse', 'a: [\n'],
  ])('refuses %s', (_what, text) => {
    expect(() => render(text)).toThrow(expect.objectContaining({ code: 'TEMPLATE_INVALID' }));
  });
});

const VALID = `
repository: org/paved
self-reference: $/
server-url: https://github.com
oidc-issuer: https://token.actions.githubusercontent.com
runner: ubuntu-24.04
isolation: sandbox
npm-registry: ''
sigstore: { fulcio-url: https://a.example, rekor-url: https://b.example, tsa-url: https://c.example, audience: sigstore, trusted-root: root.json }
registry: { host: ghcr.io, login: job-token, token-url: '', revocation-url: '', audience: '' }
advisories: { osv: npm=https://d.example, kev: https://e.example, max-age: 7d, as-of: '' }
policy-floor: '{}'
release: { events: push, protected-ref: true }
evidence-store: run
`;

describe('the configuration', () => {
  test('is decoded', () => {
    expect(parseConfig(VALID).sigstore['fulcio-url']).toBe('https://a.example');
  });

  test.each(["seal: { environment: '' }", 'seal: {}', ''])(
    'with %j asks nobody, and trusts an inspection for a day',
    (text) => {
      expect(parseConfig(`${VALID}${text}\n`).seal).toEqual({ environment: '', 'inspection-age': '24h' });
    },
  );

  test.each([
    'seal: { environment: "a: b" }',
    'seal: { environment: "${{ inputs.name }}" }',
    "seal: { inspection-age: '' }",
    'seal: { inspection-age: 24 h }',
    'seal: { inspection-age: 0h }',
    'patch-mirrors: https://mirror.example',
    "patch-mirrors: '*.debian.org'",
    'patch-mirrors: mirror.example/debian',
    'private-hosts: https://files.corp.example',
    "private-hosts: '*'",
    "private-hosts: '${{ inputs.host }}'",
    'patch-mirrors: a.example b.example',
    "patch-mirrors: '${{ inputs.mirror }}'",
  ])('refuses %s', (text) => {
    expect(() => parseConfig(`${VALID}${text}\n`)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  test.each([
    ['plain http to another host', 'https://a.example', 'http://a.example'],
    ['a file address', 'https://a.example', 'file:///etc/passwd'],
    ['an expression as a value', 'ghcr.io', '"${{ inputs.host }}"'],
    ['an unknown isolation', 'isolation: sandbox', 'isolation: maybe'],
    ['a tag as self-reference', 'self-reference: $/', 'self-reference: v1'],
    ['a repository with a path', 'repository: org/paved', 'repository: org/paved/x'],
    [
      'another server with the issuer of github.com',
      'server-url: https://github.com',
      'server-url: https://ghe.example',
    ],
    ['a missing field', 'runner: ubuntu-24.04\n', ''],
    ['text that is not YAML', 'repository:', '] ['],
  ])('refuses %s', (_what, from, to) => {
    expect(() => parseConfig(VALID.replace(from, to))).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
