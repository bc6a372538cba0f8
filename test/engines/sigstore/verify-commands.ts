import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FILE_BYTES, FILE_DIGEST, startFileBench } from '../../../actions/verify/test/file-bench.js';
import { type Bench, startBench } from '../../../actions/verify/test/world.js';
import { runProgram } from '../program.js';
import { type EngineTest, expectThat } from '../suite.js';
import { identityInputs, type Signer, SLOTS, signRelease, startAttestedImage } from './attested-image.js';
import type { InstanceName, SigstoreContext } from './context.js';
import { ghEnvironment } from './gh.js';
import { flipAt } from './tamper.js';

const PRINT = { 'print-commands': 'true', require: SLOTS.join('\n') };
const PROGRAMS = ['cosign', 'gh'] as const;
type Program = (typeof PROGRAMS)[number];

function signerOf({ instances, issuer, claims }: SigstoreContext, name: InstanceName): Signer {
  return { instance: instances[name], issuer, claims };
}

/** What a run has printed for cosign and gh, one line each for every slot. */
function linesOf(printed: readonly string[]): Readonly<Record<Program, readonly string[]>> {
  const all = printed.flatMap((text) => text.split('\n'));
  const [cosign, gh] = PROGRAMS.map((program) => all.filter((line) => line.startsWith(`${program} `)));
  for (const lines of [cosign, gh]) {
    expectThat('there is one command for each predicate', lines?.length === SLOTS.length, all.join('\n'));
  }
  return { cosign: cosign ?? [], gh: gh ?? [] };
}

async function imageLines(bench: Bench): Promise<ReturnType<typeof linesOf>> {
  const { outputs, error } = await bench.verify(PRINT);
  if (error !== undefined) throw error;
  const path = outputs['verification-path'] ?? '';
  expectThat('our verification says yes', JSON.parse(await readFile(path, 'utf8')).ok === true);
  return linesOf(bench.kit.lines);
}

/** Runs a printed line as a person would: pasted into a shell, with both programs on the PATH. */
async function paste(context: SigstoreContext, line: string): Promise<{ accepted: boolean; detail: string }> {
  const programs = join(context.folder, 'programs');
  await mkdir(programs, { recursive: true });
  for (const program of PROGRAMS) await symlink(context[program], join(programs, program)).catch(() => undefined);
  const { folder } = context;
  const { status, stdout, stderr } = await runProgram('/bin/bash', ['-c', line], {
    cwd: folder,
    // gh wants an account before it reads a registry, and never uses this one.
    env: { PATH: `${programs}:/usr/bin:/bin`, TUF_ROOT: folder, ...ghEnvironment(folder), GH_TOKEN: 'not-a-token' },
  });
  return { accepted: status === 0, detail: `${line}\n${stdout.slice(-300)}${stderr.slice(-1500)}` };
}

async function acceptAll(context: SigstoreContext, lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    const { accepted, detail } = await paste(context, line);
    expectThat('the printed command succeeds', accepted, detail);
  }
}

async function refuseAll(context: SigstoreContext, what: string, lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    const { accepted, detail } = await paste(context, line);
    expectThat(`the printed command fails on ${what}`, !accepted, detail);
  }
}

async function refuseStrangers(context: SigstoreContext, { cosign, gh }: ReturnType<typeof linesOf>): Promise<void> {
  for (const line of [cosign[0] ?? '', gh[0] ?? '']) {
    for (const [what, changed] of strangers(line)) {
      expectThat(`the command for ${what} is another`, changed !== line, line);
      await refuseAll(context, what, [changed]);
    }
  }
}

/** The commands that `print-commands` prints are run, for an image and for a file. */
export function printedCommandsTests(name: InstanceName): readonly EngineTest<SigstoreContext>[] {
  return [imageTest(name), fileTest(name)];
}

function imageTest(name: InstanceName): EngineTest<SigstoreContext> {
  return {
    name: `${name}: cosign and gh accept an image by the printed commands, and neither a changed bundle nor another signer`,
    async run(context) {
      const signer = signerOf(context, name);
      const bench = await startAttestedImage(signer);
      // The same image elsewhere, with bundles that have one byte changed.
      const forged = await startBench({ identity: identityInputs(signer) });
      try {
        const lines = await imageLines(bench);
        const all = [...lines.cosign, ...lines.gh];
        await acceptAll(context, all);
        await refuseStrangers(context, lines);
        await forged.push((await signRelease(signer, bench.digest)).map(withChangedSignature));
        const elsewhere = all.map((line) => line.replaceAll(bench.registry.host, forged.registry.host));
        await refuseAll(context, 'changed bundles', elsewhere);
      } finally {
        await bench.dispose();
        await forged.dispose();
      }
    },
  };
}

function fileTest(name: InstanceName): EngineTest<SigstoreContext> {
  return {
    name: `${name}: cosign and gh accept a file by the printed commands, and not with one byte of file or bundle changed`,
    async run(context) {
      const signer = signerOf(context, name);
      const bench = await startFileBench({ identity: identityInputs(signer) });
      try {
        const bundles = await signRelease(signer, FILE_DIGEST);
        const { code } = await bench.verify(bundles, PRINT);
        expectThat('our verification says yes', code === undefined, code);
        const lines = linesOf(bench.kit.lines);
        const all = [...lines.cosign, ...lines.gh];
        await acceptAll(context, all);
        await refuseStrangers(context, lines);
        const path = join(bench.kit.workspace, 'widget.tgz');
        await writeFile(path, Buffer.concat([FILE_BYTES.subarray(0, -1), Buffer.from('!')]));
        await refuseAll(context, 'a changed file', all);
        await writeFile(path, FILE_BYTES);
        await acceptAll(context, all.slice(0, 1));
        for (const bundle of new Set(all.map((line) => / --bundle (\S+)/.exec(line)?.[1] ?? ''))) {
          await writeFile(bundle, withChangedSignature(await readFile(bundle, 'utf8')));
        }
        await refuseAll(context, 'changed bundles', all);
      } finally {
        await bench.dispose();
      }
    },
  };
}

function withChangedSignature(bundle: string): string {
  return flipAt(bundle, ['dsseEnvelope', 'signatures', 0, 'sig']);
}

/** Each names something else than was signed; what cosign and gh call the same thing differs. */
function strangers(line: string): readonly (readonly [string, string])[] {
  const isGh = line.startsWith('gh ');
  const [repository, type, sha] = isGh
    ? ['--repo', '--predicate-type', '--source-digest']
    : ['--certificate-github-workflow-repository', '--type', '--certificate-github-workflow-sha'];
  const replaced = (flag: string, value: string) => line.replace(new RegExp(`(${flag}) \\S+`), `$1 ${value}`);
  return [
    ['another workflow', line.replace('release-artifact.yml', 'other.yml')],
    ['another source', replaced(repository, 'acme/other')],
    ['another predicate type', replaced(type, 'https://example.com/other')],
    ['another commit', replaced(sha, 'f'.repeat(40))],
    ...(isGh ? ([['another commit of the workflow', replaced('--signer-digest', 'f'.repeat(40))]] as const) : []),
  ];
}
