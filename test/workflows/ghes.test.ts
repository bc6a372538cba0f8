import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parseConfig, type RenderedWorkflow, renderWorkflows } from '@paved/toolchain';
import { parse, stringify } from 'yaml';
import { violationsOf } from './rules.js';
import { parseWorkflow } from './workflow.js';

const HOST = 'ghe.corp.example';
const COMMIT = 'd'.repeat(40);
/** A trusted root as it is after `readConfig`: the document itself. */
const ROOT = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}';

const SERVER = {
  repository: 'platform/paved',
  'self-reference': COMMIT,
  'server-url': `https://${HOST}`,
  'oidc-issuer': `https://${HOST}/_services/token`,
  runner: 'corp-ubuntu',
  'npm-registry': 'https://npm.corp.example',
  'buildkit-image': '',
  sigstore: {
    'fulcio-url': 'https://fulcio.corp.example',
    'rekor-url': 'https://rekor.corp.example',
    'tsa-url': 'https://tsa.corp.example/api/v1/timestamp',
    audience: 'sigstore',
    'trusted-root': ROOT,
  },
  registry: { host: `containers.${HOST}`, login: 'job-token', 'token-url': '', 'revocation-url': '', audience: '' },
  advisories: {
    osv: 'npm=https://osv.corp.example/npm.zip',
    kev: 'https://osv.corp.example/kev.json',
    'max-age': '7d',
    'as-of': '',
  },
  scanners: { run: 'gitleaks', databases: '', 'database-age': '', 'tool-urls': 'https://tools.corp.example/' },
};

async function render(change: Readonly<Record<string, unknown>> = {}): Promise<readonly RenderedWorkflow[]> {
  const config = parse(readFileSync('paved.config.yml', 'utf8'));
  return await renderWorkflows('workflows', parseConfig(stringify({ ...config, ...SERVER, ...change })));
}

/** Hosts of addresses, and names of public services wherever they stand. */
function hostsIn(text: string): readonly string[] {
  const urls = [...text.matchAll(/https?:\/\/([^\s/'":$]+)/g)].map(([, host = '']) => host);
  const services = text.match(/(?:[\w-]+\.)*(?:github\.com|githubusercontent\.com|ghcr\.io|sigstore\.dev)/g) ?? [];
  return [...new Set([...urls, ...services])];
}

const WORKFLOWS = await render();

describe.each(WORKFLOWS)('$name, rendered for an enterprise server', ({ text, name }) => {
  test('names no host that the configuration does not name', () => {
    const strangers = hostsIn(text).filter((host) => !host.endsWith('corp.example'));
    expect([name, strangers]).toEqual([name, []]);
  });

  test('takes every action from the platform at the commit, or from the server by commit', () => {
    for (const [, uses = ''] of text.matchAll(/^ +(?:- )?uses: (\S+)/gm)) {
      expect(uses).toMatch(/^(?:platform\/paved\/[\w./-]+@d{40}|actions\/[a-z-]+@[0-9a-f]{40})$/);
    }
  });
});

test('there is something to look at, and the public hosts would be found', async () => {
  expect(WORKFLOWS.length).toBeGreaterThan(10);
  const [, text = ''] = [0, readFileSync('.github/workflows/release-artifact.yml', 'utf8')];
  expect(hostsIn(text)).toEqual(
    expect.arrayContaining(['token.actions.githubusercontent.com', 'ghcr.io', 'github.com']),
  );
});

test('token, certificate and registry are of the server', () => {
  const text = WORKFLOWS.find(({ name }) => name === 'release-artifact.yml')?.text ?? '';
  const { seal } = parseWorkflow(text).jobs;
  const inputs = (id: string) => seal?.steps.find((step) => step.id === id)?.with;
  expect(inputs('provenance')).toMatchObject({ 'oidc-issuer': `https://${HOST}/_services/token` });
  for (const id of ['sign', 'sign-evidence']) expect(inputs(id)).toMatchObject({ 'server-url': `https://${HOST}` });
  expect(inputs('content')).toMatchObject({
    registry: `containers.${HOST}`,
    issuer: `https://${HOST}/_services/token`,
  });
});

test.each(['release-artifact.yml', 'release-container.yml'])(
  '%s keeps every rule with an environment for the seal',
  async (name) => {
    const rendered = await render({
      'self-reference': '$/',
      seal: { environment: 'production', 'inspection-age': '2h' },
    });
    const text = rendered.find((workflow) => workflow.name === name)?.text ?? '';
    const workflow = parseWorkflow(text);
    expect(violationsOf(workflow)).toEqual([]);
    const environments = Object.entries(workflow.jobs).map(([id, job]) => [id, job.environment]);
    expect(environments.filter(([, environment]) => environment !== undefined)).toEqual([['seal', 'production']]);
    expect(text).toContain("max-age: '2h'");
  },
);
