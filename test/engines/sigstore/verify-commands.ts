import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from '../../../actions/verify/test/world.js';
import { runProgram } from '../program.js';
import { type EngineTest, expectThat } from '../suite.js';
import { SLOTS, startAttestedImage } from './attested-image.js';
import type { InstanceName, SigstoreContext } from './context.js';

/** The lines that the verify action prints for cosign, for the image of `bench`. */
async function printedCommands(bench: Bench): Promise<readonly string[]> {
  const { outputs, error } = await bench.verify({ 'print-commands': 'true' });
  if (error !== undefined) throw error;
  const path = outputs['verification-path'] ?? '';
  expectThat('our verification says yes', JSON.parse(await readFile(path, 'utf8')).ok === true);
  return bench.kit.lines.flatMap((text) => text.split('\n')).filter((line) => line.startsWith('cosign '));
}

/** Runs a printed line as a person would: pasted into a shell, with cosign on the PATH. */
async function paste(context: SigstoreContext, line: string): Promise<{ accepted: boolean; detail: string }> {
  const programs = join(context.folder, 'programs');
  await mkdir(programs, { recursive: true });
  await symlink(context.cosign, join(programs, 'cosign')).catch(() => undefined);
  const { status, stdout, stderr } = await runProgram('/bin/sh', ['-c', line], {
    cwd: context.folder,
    env: { PATH: `${programs}:/usr/bin:/bin`, HOME: context.folder, TUF_ROOT: context.folder },
  });
  return { accepted: status === 0, detail: `${line}\n${stdout.slice(-300)}${stderr.slice(-1500)}` };
}

/** One test of each instance: the commands that `print-commands` prints are run. */
export function printedCommandsTest(name: InstanceName): EngineTest<SigstoreContext> {
  return {
    name: `${name}: cosign accepts by the printed commands what verify accepts, and nothing of another signer`,
    async run(context) {
      const { issuer, claims } = context;
      const bench = await startAttestedImage({ instance: context.instances[name], issuer, claims });
      try {
        const lines = await printedCommands(bench);
        expectThat('there is one command for each predicate', lines.length === SLOTS.length, lines.join('\n'));
        for (const line of lines) {
          const { accepted, detail } = await paste(context, line);
          expectThat('cosign accepts it', accepted, detail);
        }
        const [line = ''] = lines;
        for (const [what, changed] of strangers(line)) {
          expectThat(`the command for ${what} is another`, changed !== line, line);
          expectThat(`cosign refuses ${what}`, !(await paste(context, changed)).accepted);
        }
      } finally {
        await bench.dispose();
      }
    },
  };
}

function strangers(line: string): readonly (readonly [string, string])[] {
  return [
    ['another workflow', line.replace('release-artifact.yml', 'other.yml')],
    ['another source', line.replace(/(--certificate-github-workflow-repository) \S+/, '$1 acme/other')],
    ['another predicate type', line.replace(/(--type) \S+/, '$1 https://example.com/other')],
    ['another commit', line.replace(/(--certificate-github-workflow-sha) \S+/, `$1 ${'f'.repeat(40)}`)],
  ];
}
