import { describe, expect, test } from '@jest/globals';
import {
  coversPackage,
  DEFAULT_POLICY,
  decide,
  type GateError,
  mergeFindings,
  mergeFloor,
  parseReport,
  parseVex,
  purlMatches,
  type RawFinding,
  type VexContext,
  VexIndex,
  type VexSigner,
  type VexStatement,
} from '@paved/gate';
import { type Expected, eachShared, expectations, shared, sharedTest } from './shared-fixtures.js';

const KEY: VexSigner = { by: 'key', publicKey: 'PEM' };
const WORKFLOW = {
  by: 'workflow',
  issuer: 'https://issuer.example',
  workflowPath: 'github.com/octo/security/.github/workflows/vex.yml',
  signerDigests: ['a'.repeat(40), 'b'.repeat(40)],
  repositoryId: '1',
  ownerId: '2',
  runnerEnvironment: 'github-hosted',
} as const satisfies VexSigner;

const vex = expectations('vex');
const AT = Date.parse('2030-01-01T00:00:00Z');

function raw(id: string, purl: string, ids: readonly string[] = [id]): RawFinding {
  const [name = '', version = ''] = purl.replace(/^.*\//, '').replace(/\?.*$/, '').split('@');
  const source = { name: 'x', id, severity: 'critical' as const, report: 'r', version };
  return {
    source,
    ids,
    kind: 'vulnerability',
    purl,
    ecosystem: '',
    name,
    version,
    title: '',
    direct: false,
    scope: 'runtime',
  };
}

function suppressedIds(findings: readonly RawFinding[], statements: readonly VexStatement[], context?: VexContext) {
  const authors = [...new Set(statements.map(({ author }) => author))];
  const index = new VexIndex(statements, { authors, signers: [], documents: [] }, context, AT);
  return mergeFindings(findings).flatMap((finding) => (index.suppression(finding) === undefined ? [] : [finding.id]));
}

const read = (file: string, serials: readonly string[] = []) => parseVex(file, shared(`vex/${file}`), { serials });
const numbered = (cases: readonly Expected[] | undefined): Record<string, Expected> =>
  Object.fromEntries(
    (cases ?? []).map((entry, index) => [`${index} ${entry.name ?? entry.document ?? entry.file ?? ''}`, entry]),
  );

/** The ways in which a scanned image is named, as the gate names what is released. */
function imageSubjects(digests: readonly string[] = []): readonly string[] {
  return digests.flatMap((reference) => {
    const [name = '', digest = ''] = reference.split('@');
    const purl = `pkg:oci/${name}@${encodeURIComponent(digest)}`;
    return [reference, digest.replace('sha256:', ''), purl, `${purl}?repository_url=index.docker.io%2Flibrary`];
  });
}

describe('purls', () => {
  eachShared('match', numbered(vex.purlMatches?.cases), (_name, { general, specific, match }) => {
    expect(purlMatches(general, specific)).toBe(match);
  });

  test.each([
    ['pkg:npm/p', 'pkg:npm/p@1', true],
    ['pkg:npm/p@1', 'pkg:npm/p', false],
    ['pkg:npm/p@1', 'pkg:npm/p@1?a=b', true],
    ['pkg:npm/%40s/p', 'pkg:npm/p', false],
    ['pkg:npm/p#sub', 'pkg:npm/p', false],
    ['not a purl', 'not a purl', false],
  ])('%s covers %s: %s', (general, specific, match) => {
    expect(purlMatches(general, specific)).toBe(match);
  });
});

describe('products', () => {
  const product = ({ '@id': id, identifiers = {}, hashes = {}, subcomponents = [] }: Expected): Expected => ({
    ids: [id, ...Object.values(identifiers), ...Object.values(hashes)].filter((entry) => entry !== undefined),
    subcomponents: subcomponents.map((entry: Expected) => product(entry).ids),
  });

  eachShared('match', numbered(vex.productMatches?.cases), (_name, entry) => {
    const { querySubcomponent, queryProduct, match, note } = entry;
    const context = { subjects: [queryProduct] };
    if (note !== undefined) {
      // Listed parts are never ignored here: a question without a part is a question about the whole.
      expect(coversPackage(product(entry.product), 'pkg:apk/alpine/other@1', context)).toBe(false);
      return;
    }
    expect(coversPackage(product(entry.product), querySubcomponent || queryProduct, context)).toBe(match);
  });

  eachShared('component', numbered(vex.componentMatches?.cases), (_name, { identifier, component, match }) => {
    expect(coversPackage(product(component), identifier, undefined)).toBe(match);
  });

  const image = (digest: string) => `alpine@${digest}`;
  eachShared('identifiers of an image', numbered(vex.productIdentifiers?.cases), (_name, { digests, identifiers }) => {
    // A tag names whatever it points at today; the gate knows artifacts by digest alone.
    expect(digests.map(image)).toHaveLength(digests.length);
    const own = imageSubjects(digests);
    for (const identifier of digests.length === 0 ? [] : identifiers) expect(own).toContain(identifier);
  });
});

describe('documents', () => {
  eachShared('effective', numbered(vex.effectiveStatement?.cases), (_name, wanted) => {
    const document = {
      '@context': 'https://openvex.dev/ns/v0.2.0',
      author: 'a',
      timestamp: '2020-01-01T00:00:00Z',
      version: 1,
    };
    const statements = wanted.statements.map((entry: object) => ({ justification: 'component_not_present', ...entry }));
    const parsed = parseVex('x', Buffer.from(JSON.stringify({ ...document, statements })));
    const index = new VexIndex(parsed.statements, { authors: ['a'], signers: [], documents: [] }, undefined, AT);
    expect(index.effective([wanted.vulnerability], wanted.product)).toMatchObject({
      status: wanted.status,
      timestamp: wanted.timestamp,
    });
  });

  eachShared('parse', numbered(vex.parse?.cases), (_name, wanted) => {
    if (wanted.strictParse === 'error') {
      expect(() => read(wanted.file)).toThrow(expect.objectContaining({ code: 'VEX_MALFORMED' }));
      return;
    }
    const { statements, format } = read(wanted.file);
    expect(statements).toHaveLength(wanted.statements);
    if (wanted.vulnerabilities !== undefined) {
      expect(statements.map(({ ids }) => ids[0])).toEqual(wanted.vulnerabilities);
      for (const { products } of statements) expect(products[0]?.ids).toContain(wanted.product);
    }
    if (wanted.format === 'csaf') {
      expect(format).toBe('csaf');
      expect(statements[0]).toMatchObject({ ids: [wanted.vulnerability], status: wanted.status });
      for (const id of wanted.alsoFoundBy) expect(statements[0]?.products[0]?.ids).toContain(id);
    }
  });

  eachShared('merge', numbered(vex.merge?.cases), (_name, { documents, products, vulnerabilities, statementsOf }) => {
    const parsed = new Map<string, readonly VexStatement[]>(
      documents.map((file: string) => [file, read(file).statements]),
    );
    const wanted = statementsOf.map(([file, index]: [string, number]) => parsed.get(file)?.[index]);
    const all = [...parsed.values()].flat();
    const found = all.filter(
      (statement) =>
        (products === undefined ||
          statement.products.some((entry) => products.some((purl: string) => coversPackage(entry, purl, undefined)))) &&
        (vulnerabilities === undefined || vulnerabilities.some((id: string) => statement.ids.includes(id))),
    );
    expect(found).toEqual(wanted);
  });

  for (const [folder, { entries }] of Object.entries((vex.cyclonedx ?? {}) as Record<string, Expected>)) {
    sharedTest(`${folder}: states, justifications and references`, () => {
      for (const wanted of entries) {
        const statements = read(`${folder}/${wanted.file}`).statements.filter(({ ids }) => ids[0] === wanted.id);
        expect(statements.map(({ status }) => status)).toContain(wanted.openvexStatus);
        const own = statements.filter(({ status }) => status === wanted.openvexStatus);
        if (wanted.justification !== null) expect(own.map(({ reason }) => reason)).toContain(wanted.justification);
        expect(own.some(({ products }) => products.length === (wanted.affects ?? []).length)).toBe(true);
      }
    });
  }
});

describe('what scanners leave out', () => {
  eachShared('grype', numbered(vex.grype?.cases), (_name, { document, rule, ignored }) => {
    const { scan } = vex.grype;
    const findings = scan.matches.map((id: string) => raw(id, scan.package.purl));
    const statements = read(document).statements.filter(
      ({ status, reason, ids }) =>
        status === rule.vexStatus &&
        (rule.vexJustification === undefined || reason === rule.vexJustification) &&
        (rule.vulnerability === undefined || ids.includes(rule.vulnerability)),
    );
    const context = { subjects: imageSubjects(scan.repoDigests) };
    expect(suppressedIds(findings, statements, context).sort()).toEqual([...ignored].sort());
  });

  eachShared(
    'trivy',
    numbered(vex.trivy?.cases),
    (_name, { document, scan, packages, vulnerabilities, suppressed }) => {
      const findings = vulnerabilities.map(({ id, purl }: Expected) => raw(id, purl));
      const serials = scan.serialNumber === undefined ? [] : [`${scan.serialNumber}/${scan.version}`];
      const graph = {
        roots: packages.filter(({ root }: Expected) => root).map(({ purl }: Expected) => purl),
        dependsOn: new Map<string, readonly string[]>(
          packages.map(({ purl, dependsOn = [] }: Expected) => [purl, dependsOn]),
        ),
      };
      const context = { subjects: imageSubjects(scan.repoDigests), graph };
      const { statements } = read(document, serials);
      expect(suppressedIds(findings, statements, context)).toEqual(suppressed.map(([id]: [string]) => id));
      for (const [id, status, reason] of suppressed) {
        const own = statements.filter(({ ids }) => ids.includes(id)).at(-1);
        expect(own).toMatchObject({ status, reason });
      }
    },
  );

  eachShared('SARIF of vexctl', numbered(vex.sarifFilter?.cases), (_name, wanted) => {
    const { statements } = read(wanted.document);
    expect(statements).toHaveLength(wanted.statements);
    const { findings } = parseReport('s', shared(`vex/${wanted.sarif}`));
    expect(findings).toHaveLength(wanted.before);
    const digest = /sha256%3A([0-9a-f]{64})/.exec(statements[0]?.products[0]?.ids[0] ?? '')?.[1] ?? '';
    const context = { subjects: imageSubjects([`nginx@sha256:${digest}`]) };
    const left = findings.filter((entry) => suppressedIds([entry], statements, context).length === 0);
    expect(left).toHaveLength(wanted.after);
  });
});

describe('statements', () => {
  const statement = (more: Partial<VexStatement> = {}): VexStatement => ({
    document: 'd',
    author: 'us',
    ids: ['CVE-2024-1'],
    products: [{ ids: ['pkg:npm/p@1'], subcomponents: [] }],
    status: 'not_affected',
    reason: 'component_not_present',
    timestamp: '2024-01-01T00:00:00Z',
    ...more,
  });
  const finding = raw('GHSA-1', 'pkg:npm/p@1', ['GHSA-1', 'CVE-2024-1']);
  const run = (statements: readonly VexStatement[], rules: object = {}, findings = [finding], kev?: Expected) =>
    decide({
      findings,
      kev,
      unchecked: [],
      policy: { ...DEFAULT_POLICY, vex: { authors: ['us'], signers: [], documents: [], ...rules } },
      vex: { statements, context: { subjects: [] } },
      branchProtected: true,
      asOf: '2025-01-01T00:00:00Z',
    });

  test('suppress by any alias, and say so', () => {
    const decision = run([statement()]);
    expect(decision.verdict).toBe('pass');
    expect(decision.findings[0]).toMatchObject({ status: 'suppressed', suppressedBy: { by: 'vex', author: 'us' } });
    expect(decision.vex).toMatchObject([{ state: 'used' }]);
  });

  test.each<[string, readonly VexStatement[], object]>([
    ['of a stranger', [statement({ author: 'them' })], {}],
    ['without the signature that the policy asks for', [statement()], { signers: [KEY] }],
    ['signed by another', [statement({ signature: { verified: WORKFLOW } })], { signers: [KEY] }],
    ['whose signature was refused', [statement({ signature: { refused: 'SIGNATURE_INVALID' } })], { signers: [KEY] }],
    ['about another version', [statement({ products: [{ ids: ['pkg:npm/p@2'], subcomponents: [] }] })], {}],
    ['about another vulnerability', [statement({ ids: ['CVE-2024-2'] })], {}],
    ['of the future', [statement({ timestamp: '2026-01-01T00:00:00Z' })], {}],
    [
      'that a later one takes back',
      [statement(), statement({ status: 'affected', timestamp: '2024-06-01T00:00:00Z' })],
      {},
    ],
    ['against one of the same time', [statement(), statement({ status: 'under_investigation' })], {}],
    [
      'about a part of another product',
      [statement({ products: [{ ids: ['pkg:oci/x'], subcomponents: [['pkg:npm/p@1']] }] })],
      {},
    ],
  ])('do not count: %s', (_what, statements, rules) => {
    expect(run(statements, rules)).toMatchObject({ verdict: 'fail', findings: [{ status: 'open' }] });
  });

  test.each<[string, Partial<VexStatement>, string | undefined, string | undefined]>([
    ['of the signer of the policy', { signature: { verified: KEY } }, 'used', undefined],
    ['without a signature', {}, 'not-signed', 'VEX_UNSIGNED'],
    ['of another signer', { signature: { verified: WORKFLOW } }, 'signature-refused', 'VEX_SIGNER_NOT_ALLOWED'],
    ['that was altered', { signature: { refused: 'SUBJECT_MISMATCH' } }, 'signature-refused', 'SUBJECT_MISMATCH'],
  ])('%s: the verdict says what its signature was worth', (_what, more, state, code) => {
    const decision = run([statement(more)], { signers: [KEY] });
    expect(decision.verdict).toBe(state === 'used' ? 'pass' : 'fail');
    expect(decision.vex).toEqual([expect.objectContaining(code === undefined ? { state } : { state, code })]);
    expect(decision.vex[0]?.code).toBe(code);
  });

  test('about one of two versions leave it open, also where a report names the other without a purl', () => {
    const inferred = { ...raw('CVE-2024-1', 'pkg:npm/p@2', ['CVE-2024-1']), inferred: true, version: '2' };
    const both = [finding, inferred];
    expect(run([statement()], {}, both)).toMatchObject({ verdict: 'fail', findings: [{ status: 'open' }] });
    const products = [{ ids: ['pkg:npm/p'], subcomponents: [] }];
    expect(run([statement({ products })], {}, both)).toMatchObject({ verdict: 'pass', findings: [{}] });
    // The same version, made up from a name, is no other.
    expect(run([statement()], {}, [finding, { ...finding, inferred: true }]).verdict).toBe('pass');
  });

  test('about a part inside another package need a graph that has the part, by that way alone', () => {
    const part = statement({ products: [{ ids: ['pkg:npm/outer@1'], subcomponents: [['pkg:npm/p@1']] }] });
    const verdict = (dependsOn: Readonly<Record<string, readonly string[]>>) =>
      decide({
        findings: [finding],
        unchecked: [],
        policy: { ...DEFAULT_POLICY, vex: { authors: ['us'], signers: [], documents: [] } },
        vex: {
          statements: [part],
          context: { subjects: [], graph: { roots: ['root'], dependsOn: new Map(Object.entries(dependsOn)) } },
        },
        branchProtected: true,
        asOf: '2025-01-01T00:00:00Z',
      }).verdict;
    const inside = { 'pkg:npm/outer@1': ['pkg:npm/p@1'] };
    expect(verdict({ root: ['pkg:npm/outer@1'], ...inside })).toBe('pass');
    expect(verdict({ root: ['pkg:npm/outer@1', 'pkg:npm/p@1'], ...inside })).toBe('fail');
    expect(verdict({ root: ['pkg:npm/outer@1'] })).toBe('fail');
  });

  test('a floor that names signers is not widened by a policy', () => {
    const named = (...signers: readonly VexSigner[]) => ({
      ...DEFAULT_POLICY,
      vex: { authors: ['us'], signers, documents: [] },
    });
    const merged = mergeFloor(named(KEY), named(KEY, WORKFLOW)).vex;
    expect(merged).toEqual({ authors: ['us'], signers: [KEY], documents: [] });
    expect(mergeFloor(named(KEY), named(WORKFLOW)).vex.authors).toEqual([]);
    const turned: VexSigner = { ...WORKFLOW, signerDigests: [...WORKFLOW.signerDigests].reverse() };
    expect(mergeFloor(named(WORKFLOW), named(turned)).vex.signers).toEqual([WORKFLOW]);
  });

  test('never lift what is exploited', () => {
    const entry = { cve: 'CVE-2024-1', dateAdded: '2024-01-01', dueDate: '2024-02-01', ransomware: false };
    const kev = { version: '1', released: '2025-01-01T00:00:00Z', entries: new Map([['CVE-2024-1', entry]]) };
    expect(run([statement()], {}, [finding], kev)).toMatchObject({
      verdict: 'fail',
      findings: [{ rule: 'kev', status: 'open' }],
    });
  });

  test('about one of two versions leave the other open', () => {
    expect(run([statement()], {}, [finding, raw('GHSA-1', 'pkg:npm/p@2', ['GHSA-1', 'CVE-2024-1'])]).verdict).toBe(
      'fail',
    );
  });

  test.each([
    ['', 'empty'],
    ['{"statements":[', 'cut'],
    ['{}', 'something else'],
    [
      '{"@context":"https://openvex.dev/ns/v0.2.0","author":"a","timestamp":"2024-01-01T00:00:00Z","statements":[{"vulnerability":{"name":"CVE-1"},"status":"not_affected"}]}',
      'without a justification',
    ],
    [
      '{"@context":"https://openvex.dev/ns/v0.2.0","author":"a","timestamp":"2024-01-01T00:00:00Z","statements":[{"vulnerability":{"name":"CVE-1"},"status":"fine"}]}',
      'of an unknown status',
    ],
    [
      '{"@context":"https://openvex.dev/ns/v0.2.0","author":"a","statements":[{"vulnerability":{"name":"CVE-1"},"status":"fixed"}]}',
      'without a time',
    ],
  ])('are refused: %s (%s)', (text) => {
    let error: GateError | undefined;
    try {
      parseVex('x', Buffer.from(text));
    } catch (cause) {
      error = cause as GateError;
    }
    expect(error?.code).toBe('VEX_MALFORMED');
  });
});
