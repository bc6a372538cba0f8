import { cp, mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { runProgram } from '../program.js';
import { defineSuite, type EngineTest, expectThat } from '../suite.js';
import { writeLayout } from './layout.js';
import { GO_DATABASE } from './osv-records.js';
import { openSteps, type Steps } from './steps.js';

interface Scanners extends Steps {
  readonly tools: Readonly<Record<'gitleaks' | 'grype' | 'osv-scanner' | 'syft' | 'trivy', string>>;
}

const GO_MOD =
  'module example.com/app\n\ngo 1.21\n\nrequire (\n\tgolang.org/x/net v0.7.0\n\tgolang.org/x/crypto v0.5.0\n)\n';
/** Put together here, so that nobody's scanner finds it in this file. */
const SECRET = `aws_access_key_id = "${'AKIA'}${'Q3EGRIK4SDUJ7FTL'}"\n`;
/** The time of the Go database; see its SOURCE.md. */
const AS_OF = '2026-08-21T12:00:00Z';
/** The file may be as new as it likes: the scanner says when its data were built. */
const LATER = new Date('2999-01-01T00:00:00Z');
const FILES = { 'go.mod': GO_MOD, 'settings.txt': SECRET };

const own = ({ tools }: Scanners, ...names: readonly (keyof Scanners['tools'])[]) =>
  names.map((name) => `${name}=${tools[name]}`).join('\n');

async function rejects(run: Promise<unknown>, code: string): Promise<void> {
  const error: unknown = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const actual = error instanceof Error && 'code' in error ? error.code : undefined;
  expectThat(`an error ${code}`, actual === code, String(error));
}

/** What syft saw, as our SBOM. */
async function sbomOfProject(context: Scanners): Promise<string> {
  const syft = await context.scan({ scanners: 'syft', path: 'project', 'tool-paths': own(context, 'syft') });
  const outputs = await context.sbom({
    documents: String(syft['documents-path']),
    'subject-path': 'project',
    name: 'app',
    version: '1.0.0',
    created: AS_OF,
  });
  return String(outputs['cyclonedx-path']);
}

const tests: readonly EngineTest<Scanners>[] = [
  {
    name: 'syft, osv-scanner, trivy and gitleaks go from sandbox to verdict, all sources kept',
    async run(context) {
      const sbom = await sbomOfProject(context);
      const scans = await context.scan({
        scanners: 'osv-scanner\ntrivy-files\ngitleaks',
        path: 'project',
        sbom,
        databases: 'osv-scanner:Go go.zip',
        'as-of': AS_OF,
        'tool-paths': own(context, 'osv-scanner', 'trivy', 'gitleaks'),
      });
      const collected = await context.collect({ 'scans-path': String(scans['scans-path']) });
      const verdict = await context.verdict({
        sboms: sbom,
        'inspection-path': String(collected['inspection-path']),
        'subjects-path': 'project',
      });
      expectThat('a verdict of no', verdict.verdict === 'fail');
      const sources = new Map(verdict.findings.flatMap((found) => found.sources.map((source) => [source.name, found])));
      for (const name of ['osv-scanner', 'trivy', 'gitleaks']) {
        const known = [...sources.keys()].join(', ');
        expectThat(
          `a finding of ${name}`,
          [...sources.keys()].some((source) => source.includes(name)),
          known,
        );
      }
      const all = verdict.findings.flatMap((found) => found.sources);
      const advisories = all.filter(({ name, id }) => name === 'osv-scanner' && id.startsWith('GO-'));
      expectThat('16 and 20 records of the two modules', advisories.length >= 36, `${advisories.length} matches`);
      expectThat(
        'a secret',
        verdict.findings.some(({ kind }) => kind === 'secret'),
      );
    },
  },
  {
    name: 'the record names each program and database by digest, and the report that left',
    async run(context) {
      const outputs = await context.scan({
        scanners: 'gitleaks',
        path: 'project',
        'tool-paths': own(context, 'gitleaks'),
      });
      const [record] = await context.records(outputs);
      expectThat('a sandbox', record?.isolation !== undefined && record.exitStatus === 1, JSON.stringify(record));
      const report = await readFile(String(outputs['reports-path']));
      expectThat('the size of the report', record?.output.size === report.length);
      expectThat('no secret in the report', !report.includes('Q3EGRIK4SDUJ7FTL'));
    },
  },
  {
    name: 'an image layout is read by syft, trivy and gitleaks, layers too',
    async run(context) {
      const digest = await writeLayout(join(context.workspace, 'layout'), {
        'app/settings.txt': SECRET,
        'app/node_modules/left-pad/package.json': '{"name":"left-pad","version":"1.3.0"}',
      });
      const outputs = await context.scan({
        scanners: 'syft\ntrivy-files\ngitleaks',
        path: 'layout',
        'subject-digest': digest,
        'tool-paths': own(context, 'syft', 'trivy', 'gitleaks'),
      });
      const [syft, trivy, gitleaks] = await Promise.all(
        ['syft', 'trivy-files', 'gitleaks'].map((name) =>
          readFile(join(String(outputs['scans-path']), `${name}.json`), 'utf8'),
        ),
      );
      expectThat('the package in the SBOM', syft?.includes('pkg:npm/left-pad@1.3.0') === true);
      expectThat('the secret by trivy', trivy?.includes('aws-access-key-id') === true, trivy?.slice(0, 2000));
      expectThat('the secret by gitleaks', gitleaks?.includes('"ruleId": "aws-access-token"') === true);
      for (const record of await context.records(outputs)) expectThat('the subject', record.subject === digest);
    },
  },
  {
    name: 'grype without its database is an error and never clean',
    async run(context) {
      const sbom = await sbomOfProject(context);
      const { grype } = context.tools;
      const env = { GRYPE_DB_AUTO_UPDATE: 'false', GRYPE_DB_CACHE_DIR: join(context.workspace, 'none') };
      const { status } = await runProgram(grype, [`sbom:${sbom}`, '-o', 'json'], { env });
      expectThat('grype itself ends with an error', status !== 0, `status ${status}`);
      const texts = { scanners: 'grype', sbom, 'tool-paths': own(context, 'grype') };
      await rejects(context.scan(texts), 'DATABASE_MISSING');
      await writeFile(join(context.workspace, 'grype.tar.zst'), zstdCompressSync(Buffer.from('no database')));
      await rejects(context.scan({ ...texts, databases: 'grype grype.tar.zst' }), 'SCANNER_FAILED');
    },
  },
  {
    name: 'grype finds what the database says that it was given, and its word of its age is held to the limit',
    async run(context) {
      const texts = {
        scanners: 'grype',
        sbom: await sbomOfProject(context),
        databases: 'grype grype-db.tar.zst',
        'tool-paths': own(context, 'grype'),
      };
      const outputs = await context.scan({ ...texts, 'as-of': AS_OF });
      const report = await readFile(String(outputs['reports-path']), 'utf8');
      expectThat('the one vulnerability', report.includes('"id":"CVE-2023-39325"'), report.slice(0, 2000));
      const [record] = await context.records(outputs);
      expectThat('its own word of its age', record?.databases[0]?.builtAt?.startsWith('2026-11-21') === true);
      await utimes(join(context.workspace, 'grype-db.tar.zst'), LATER, LATER);
      await rejects(context.scan({ ...texts, 'as-of': LATER.toISOString() }), 'DATABASE_STALE');
    },
  },
  {
    name: 'trivy finds what the database says that it was given, and no more than the database is old',
    async run(context) {
      const texts = {
        scanners: 'trivy',
        sbom: await sbomOfProject(context),
        databases: 'trivy gone.tar.gz trivy-db.tar.gz',
        'tool-paths': own(context, 'trivy'),
      };
      await rejects(context.scan(texts), 'DATABASE_UNAVAILABLE');
      const outputs = await context.scan({ ...texts, 'as-of': AS_OF });
      const report = await readFile(String(outputs['reports-path']), 'utf8');
      expectThat(
        'the one vulnerability',
        report.includes('"VulnerabilityID": "CVE-2023-39325"'),
        report.slice(0, 2000),
      );
      const [record] = await context.records(outputs);
      const [database] = record?.databases ?? [];
      expectThat('the mirror that answered', database?.source === 'trivy-db.tar.gz', JSON.stringify(record));
      expectThat('its own word of its age', database?.builtAt === '2026-08-21T12:00:00.000Z', JSON.stringify(record));
    },
  },
  {
    name: 'osv-scanner without data for an ecosystem, or with half a database, is an error',
    async run(context) {
      const sbom = await sbomOfProject(context);
      const texts = { scanners: 'osv-scanner', sbom, 'as-of': AS_OF, 'tool-paths': own(context, 'osv-scanner') };
      await rejects(context.scan(texts), 'DATABASE_MISSING');
      const half = (await readFile(GO_DATABASE)).subarray(0, 100_000);
      await writeFile(join(context.workspace, 'half.zip'), half);
      await rejects(context.scan({ ...texts, databases: 'osv-scanner:Go half.zip' }), 'SCANNER_FAILED');
      await rejects(
        context.scan({ ...texts, databases: 'osv-scanner:Go go.zip', 'as-of': '2999-01-01T00:00:00Z' }),
        'DATABASE_STALE',
      );
    },
  },
];

export const scannersSuite = defineSuite<Scanners>({
  engines: ['gitleaks', 'grype', 'osv-scanner', 'syft', 'trivy'],
  async start(engine) {
    const steps = await openSteps();
    try {
      await mkdir(join(steps.workspace, 'project'));
      for (const [name, text] of Object.entries(FILES)) await writeFile(join(steps.workspace, 'project', name), text);
      await cp(GO_DATABASE, join(steps.workspace, 'go.zip'));
      await cp('test/fixtures/scanner-databases', steps.workspace, { recursive: true });
    } catch (error) {
      await steps.close();
      throw error;
    }
    const tools = {
      gitleaks: engine('gitleaks'),
      grype: engine('grype'),
      'osv-scanner': engine('osv-scanner'),
      syft: engine('syft'),
      trivy: engine('trivy'),
    };
    return { context: { ...steps, tools }, stop: () => steps.close() };
  },
  tests,
});
