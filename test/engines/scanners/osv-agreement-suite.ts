import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OsvIndex, type OsvRecord } from '@paved/gate';
import { array, object, parseJson, string } from '@paved/json';
import { runProgram } from '../program.js';
import { defineSuite, type EngineTest, expectThat } from '../suite.js';
import { boundaryPairs, type ModuleVersion } from './module-versions.js';
import { DATABASE_FOLDER, goRecords } from './osv-records.js';

interface Agreement {
  readonly scanner: string;
  readonly folder: string;
  readonly records: readonly OsvRecord[];
}

const MIN_PAIRS = 200;
const SHOWN = 20;

const report = object({
  results: array(
    object({
      packages: array(
        object({
          package: object({ name: string, version: string }),
          vulnerabilities: array(object({ id: string })),
        }),
      ),
    }),
  ),
});

/**
 * The scanner's own list of packages. Through an SBOM it would miss every module with a capital letter in its name: it reads the name
 * out of the purl, which purls write in lower case, and compares that with the database to the letter.
 */
function packagesOf(pairs: readonly ModuleVersion[]): string {
  const packages = pairs.map(({ module, version }) => ({ package: { name: module, version, ecosystem: 'Go' } }));
  return JSON.stringify({ results: [{ source: { path: 'go.mod', type: 'lockfile' }, packages }] });
}

function purlOf({ module, version }: ModuleVersion): string {
  const prefix = /^\d/.test(version) && !['stdlib', 'toolchain'].includes(module) ? 'v' : '';
  const path = module.split('/').map(encodeURIComponent).join('/');
  return `pkg:golang/${path}@${prefix}${version.replace('+', '%2B')}`;
}

const keyOf = (module: string, version: string, id: string) =>
  `${module.toLowerCase()}@${version.replace(/^v/, '')} ${id}`;

async function theirs({ scanner, folder }: Agreement, pairs: readonly ModuleVersion[]): Promise<ReadonlySet<string>> {
  const path = join(folder, 'packages.json');
  await writeFile(path, packagesOf(pairs));
  const args = [
    'scan',
    'source',
    '--offline',
    '--local-db-path',
    DATABASE_FOLDER,
    '--format',
    'json',
    '-L',
    `osv-scanner:${path}`,
  ];
  const { status, stdout, stderr } = await runProgram(scanner, args, { cwd: folder });
  if (status !== 0 && status !== 1)
    throw new Error(`Cannot ask osv-scanner: it ended with ${status}\n${stderr.slice(-2000)}`);
  const { results } = parseJson('the report of osv-scanner', stdout, report);
  return new Set(
    results.flatMap(({ packages }) =>
      packages.flatMap((found) =>
        found.vulnerabilities.map(({ id }) => keyOf(found.package.name, found.package.version, id)),
      ),
    ),
  );
}

function ours({ records }: Agreement, pairs: readonly ModuleVersion[]): ReadonlySet<string> {
  const index = new OsvIndex();
  for (const record of records) index.add(record);
  const { findings } = index.match(
    pairs.map((pair) => ({
      purl: purlOf(pair),
      name: pair.module,
      version: pair.version,
      licences: [],
      scope: 'runtime' as const,
      direct: true,
    })),
  );
  return new Set(findings.map(({ name, version, source }) => keyOf(name ?? '', version ?? '', source.id)));
}

function withoutFix<R extends OsvRecord['affected'][number]['ranges'][number]>(range: R): R {
  return { ...range, events: range.events.filter(({ fixed }) => fixed === undefined) };
}

const tests: readonly EngineTest<Agreement>[] = [
  {
    name: 'osv-scanner and the gate agree finding for finding around every boundary of the Go database',
    async run(context) {
      const pairs = boundaryPairs(context.records);
      expectThat(`at least ${MIN_PAIRS} pairs`, pairs.length >= MIN_PAIRS, `${pairs.length} pairs`);
      const [a, b] = [await theirs(context, pairs), ours(context, pairs)];
      const missed = [...a].filter((key) => !b.has(key)).sort();
      const added = [...b].filter((key) => !a.has(key)).sort();
      expectThat(
        `the same findings of ${pairs.length} pairs (osv-scanner ${a.size}, the gate ${b.size})`,
        missed.length === 0 && added.length === 0 && a.size > MIN_PAIRS,
        [
          `missed ${missed.length}:`,
          ...missed.slice(0, SHOWN),
          `added ${added.length}:`,
          ...added.slice(0, SHOWN),
        ].join('\n'),
      );
    },
  },
  {
    name: 'the comparison sees a record less, and a boundary that moved',
    async run(context) {
      const pairs = boundaryPairs(context.records).slice(0, MIN_PAIRS);
      const whole = await theirs(context, pairs);
      const moved = context.records.map((record) => ({
        ...record,
        affected: record.affected.map((part) => ({ ...part, ranges: part.ranges.map(withoutFix), versions: [] })),
      }));
      for (const records of [context.records.slice(1), moved]) {
        const less = ours({ ...context, records }, pairs);
        expectThat('a difference', [...whole].some((key) => !less.has(key)) || less.size > whole.size);
      }
    },
  },
];

export const osvAgreementSuite = defineSuite<Agreement>({
  engines: ['osv-scanner'],
  async start(engine) {
    const folder = await mkdtemp(join(tmpdir(), 'paved-osv-agreement-'));
    const stop = () => rm(folder, { recursive: true, force: true });
    try {
      return { context: { scanner: engine('osv-scanner'), folder, records: await goRecords() }, stop };
    } catch (error) {
      await stop();
      throw error;
    }
  },
  tests,
});
