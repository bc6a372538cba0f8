import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface ActionRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly output: string;
  readonly summary: string;
  readonly events: string;
  /** Messages of the error annotations, decoded. */
  readonly errors: readonly string[];
}

/** Starts the fixture action as the runner would: a process, command files, inputs as variables. Needs a built runner-kit. */
export async function startAction(
  inputs: Record<string, string>,
  environment: Record<string, string> = {},
): Promise<ActionRun> {
  const temp = await mkdtemp(join(tmpdir(), 'paved-run-'));
  try {
    const files = { GITHUB_OUTPUT: 'output', GITHUB_STEP_SUMMARY: 'summary', GITHUB_STATE: 'state' };
    const env: Record<string, string> = {
      GITHUB_ACTIONS: 'true',
      RUNNER_TEMP: temp,
      GITHUB_WORKSPACE: temp,
      RUNNER_DEBUG: '1',
      ...environment,
    };
    for (const [variable, file] of Object.entries(files)) {
      env[variable] = join(temp, file);
      await writeFile(join(temp, file), '');
    }
    for (const [name, value] of Object.entries(inputs)) env[`INPUT_${name.toUpperCase()}`] = value;
    const result = await collect(env);
    const read = (file: string) => readFile(join(temp, file), 'utf8');
    return {
      ...result,
      output: await read('output'),
      summary: await read('summary'),
      events: await readEvents(join(temp, 'paved/events')),
      errors: [...result.stdout.matchAll(/^::error[^:]*::(.*)$/gm)].map(([, text = '']) =>
        text.replaceAll('%0A', '\n'),
      ),
    };
  } finally {
    await rm(temp, { recursive: true });
  }
}

function collect(env: Record<string, string>): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const main = fileURLToPath(new URL('./fixtures/action/main.mjs', import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

async function readEvents(folder: string): Promise<string> {
  const names = await readdir(folder).catch(() => []);
  return (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('');
}
