import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DEFAULT_POLICY, decide, matchOsv, parseKev, parseOsvRecord, parsePolicy } from '@paved/gate';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parseDocument } from 'yaml';
import { fetched, type Scenario, scenario } from './scenario.js';

async function validator(name: string) {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  const validate = ajv.compile(JSON.parse(await readFile(`docs/schemas/${name}.schema.json`, 'utf8')));
  return (value: unknown) => (validate(value) ? [] : validate.errors);
}

describe('published schemas', () => {
  let s: Scenario;
  beforeEach(async () => {
    s = await scenario();
  });
  afterEach(() => s.kit.dispose());

  test('a verdict with every kind of member', async () => {
    const validate = await validator('verdict');
    await s.sboms([
      fetched('Go', 'stdlib', '1.13.3'),
      fetched('Go', 'github.com/gogo/protobuf', 'v1.3.1'),
      fetched('npm', 'ms', '1.0.0'),
    ]);
    const exception = {
      id: 'CVE-2021-3121',
      package: 'pkg:golang/github.com/gogo/*',
      owner: '@octo/go',
      reason: 'generated code is not used',
      created: '2025-08-01',
      expires: '2025-09-01',
    };
    const { message, ...verdict } = await s.verdict({ policy: JSON.stringify({ exceptions: [exception] }) });
    expect(message).toContain('GATE_BLOCKED');
    expect(verdict.findings.map(({ status }) => status)).toEqual(['open', 'suppressed']);
    expect(validate(verdict)).toEqual([]);
    expect(validate({ ...verdict, verdict: 'maybe' })).not.toEqual([]);
  });

  test('the policy of the documentation', async () => {
    const validate = await validator('policy');
    const text = /```yaml\n(.*?)```/s.exec(await readFile('docs/policy.md', 'utf8'))?.[1] ?? '';
    const value: unknown = parseDocument(text, { schema: 'core' }).toJS();
    expect(validate(value)).toEqual([]);
    expect(parsePolicy(value).exceptions.entries).toHaveLength(1);
    expect(validate({ version: 1, treshholds: {} })).not.toEqual([]);
    expect(validate({ modes: { kev: 'audit' } })).not.toEqual([]);
  });

  test('a fetch manifest', async () => {
    const validate = await validator('fetch-manifest');
    const manifest = {
      mediaType: 'application/vnd.paved.fetch-manifest.v1+json',
      source: { repository: 'octo/app', sha: 'a'.repeat(40), path: '' },
      root: { name: 'app', version: '1', purl: 'pkg:npm/app@1' },
      lockfiles: [],
      packages: [fetched('npm', 'ms', '1.0.0')],
      fetchedAt: '2025-08-26T00:00:00Z',
    };
    expect(validate(manifest)).toEqual([]);
    expect(validate({ ...manifest, fetchedAt: 'now' })).not.toEqual([]);
  });
});

describe('the advisories of the demo', () => {
  const folder = join(process.cwd(), 'examples', 'advisories');
  const read = (path: string) => readFileSync(join(folder, path), 'utf8');
  const records = ['Go', 'npm'].flatMap((name) => readdirSync(join(folder, name)).map((file) => `${name}/${file}`));

  test.each(records)('%s is a record', (path) => {
    expect(path).toContain(parseOsvRecord(path, read(path)).id);
  });

  test.each([
    ['5.3.0', 'fail'],
    ['5.3.1', 'pass'],
  ])('systeminformation %s: %s', (version, verdict) => {
    const purl = `pkg:npm/systeminformation@${version}`;
    const component = { purl, name: 'systeminformation', licences: [], scope: 'runtime', direct: true } as const;
    const { findings } = matchOsv([component], [parseOsvRecord('r', read('npm/GHSA-2m8v-572m-ff2v.json'))]);
    const decision = decide({
      findings,
      kev: parseKev(read('kev.json')),
      unchecked: [],
      policy: DEFAULT_POLICY,
      branchProtected: false,
      asOf: read('as-of.txt').trim(),
    });
    expect(decision.verdict).toBe(verdict);
  });

  test('the catalogue lists what the demo is blocked for', () => {
    const { entries, released } = parseKev(read('kev.json'));
    for (const cve of ['CVE-2020-0601', 'CVE-2021-21315']) expect(entries.has(cve)).toBe(true);
    expect(Date.parse(read('as-of.txt').trim())).toBeGreaterThan(Date.parse(released));
  });
});
