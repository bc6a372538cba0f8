import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { versionOrder } from '@paved/gate';
import { array, number, parseJson } from '@paved/json';
import { runOrThrow } from '../program.js';
import { defineSuite, type EngineTest, expectThat } from '../suite.js';
import { CRATE_PAIRS, NPM_PAIRS } from './version-pairs.js';

type Pairs = readonly (readonly [string, string])[];

const MIN_PAIRS = 200;
const RECORDED = resolve('test/fixtures/version-order');

const CARGO_TOML = '[package]\nname = "ask"\nversion = "0.0.0"\nedition = "2021"\n\n[dependencies]\nsemver = "1"\n';
/** Cargo's ranges look past build metadata, so its precedence is asked and not its total order. */
const MAIN_RS = `use semver::Version;
fn main() {
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let (a, b) = line.split_once(' ').unwrap();
        println!("{}", Version::parse(a).unwrap().cmp_precedence(&Version::parse(b).unwrap()) as i8);
    }
}
`;
/** The copy of semver that npm itself decides with. */
const ASK_NPM = `const semver = require(require('node:path').join(process.argv[2], '../../node_modules/semver'));
const pairs = JSON.parse(require('node:fs').readFileSync(process.argv[1], 'utf8'));
console.log(JSON.stringify(pairs.map(([a, b]) => semver.compare(a, b, true))));
`;

async function askCargo(folder: string): Promise<readonly number[]> {
  const project = join(folder, 'ask');
  await mkdir(join(project, 'src'), { recursive: true });
  await writeFile(join(project, 'Cargo.toml'), CARGO_TOML);
  await writeFile(join(project, 'src/main.rs'), MAIN_RS);
  await runOrThrow('cargo', ['build', '--quiet'], { cwd: project, timeoutMs: 300_000 });
  await writeFile(join(folder, 'pairs.txt'), CRATE_PAIRS.map((pair) => pair.join(' ')).join('\n'));
  const script = '"$1" <"$2"';
  const answer = await runOrThrow('/bin/sh', [
    '-c',
    script,
    'sh',
    join(project, 'target/debug/ask'),
    join(folder, 'pairs.txt'),
  ]);
  return answer.trim().split('\n').map(Number);
}

async function askNpm(folder: string): Promise<readonly number[]> {
  const path = join(folder, 'pairs.json');
  await writeFile(path, JSON.stringify(NPM_PAIRS));
  const npm = (await runOrThrow('/bin/sh', ['-c', 'readlink -f "$(command -v npm)"'])).trim();
  return parseJson('the answer of npm', await runOrThrow('node', ['-e', ASK_NPM, path, npm]), array(number));
}

async function compare(ecosystem: string, file: string, pairs: Pairs, theirs: readonly number[]): Promise<void> {
  expectThat(`at least ${MIN_PAIRS} pairs, all answered`, pairs.length >= MIN_PAIRS && theirs.length === pairs.length);
  const order = versionOrder(ecosystem);
  const ours = pairs.map(([a, b]) => Math.sign(order?.(a, b) ?? Number.NaN));
  const wrong = pairs.filter((_, index) => ours[index] !== theirs[index]);
  expectThat('the same order', wrong.length === 0, JSON.stringify(wrong.slice(0, 20)));
  const answers = pairs.map(([a, b], index) => [a, b, theirs[index]]);
  if (process.env.PAVED_RECORD === 'true') await writeFile(join(RECORDED, file), `${JSON.stringify(answers)}\n`);
  const recorded: unknown = JSON.parse(await readFile(join(RECORDED, file), 'utf8'));
  expectThat('what is recorded for npm test', JSON.stringify(recorded) === JSON.stringify(answers));
}

const tests: readonly EngineTest<string>[] = [
  {
    name: "cargo's semver crate orders crate versions as the gate does",
    run: async (folder) => await compare('crates.io', 'crates.json', CRATE_PAIRS, await askCargo(folder)),
  },
  {
    name: "npm's own semver orders npm versions as the gate does",
    run: async (folder) => await compare('npm', 'npm.json', NPM_PAIRS, await askNpm(folder)),
  },
];

export const versionSuite = defineSuite<string>({
  engines: [],
  async start() {
    const folder = await mkdtemp(join(tmpdir(), 'paved-versions-'));
    return { context: folder, stop: () => rm(folder, { recursive: true, force: true }) };
  },
  tests,
});
