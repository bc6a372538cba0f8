import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCommandFile } from './command-file.mjs';
import { CommandLog } from './command-log.mjs';
import { writeRegistryConfig } from './registry-config.mjs';
import { report } from './report.mjs';
import { ROOT } from './root.mjs';
import { UsageError } from './usage-error.mjs';

const COMMANDS = '_commands';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs main and then post of an action's bundle, as the runner would; returns the exit status. What the outputs name is kept; the rest of
 * the temporary folder goes, sign-ins of the user's first of all.
 */
export async function runAction(action, values, json) {
  const bundle = join(ROOT, 'dist', action.name, 'index.js');
  if (!existsSync(bundle)) {
    throw new UsageError(
      'BUNDLE_MISSING',
      `Cannot run ${action.name}: it is not bundled`,
      'Run "npm run bundle" first',
    );
  }
  const temp = mkdtempSync(join(tmpdir(), `paved-${action.name}-`));
  let outputs = {};
  const interrupted = () => {
    tidy(temp, {});
    process.exit(1);
  };
  for (const signal of SIGNALS) process.once(signal, interrupted);
  try {
    const result = await runIn(temp, bundle, action, values);
    outputs = result.outputs;
    report(action, result, json);
    return result.status;
  } finally {
    for (const signal of SIGNALS) process.removeListener(signal, interrupted);
    tidy(temp, outputs);
  }
}

function tidy(temp, outputs) {
  const isKept = Object.values(outputs).some((value) => value.includes(temp));
  if (!isKept) rmSync(temp, { recursive: true, force: true });
  else {
    rmSync(join(temp, COMMANDS), { recursive: true, force: true });
    process.stderr.write(`Files are kept in ${temp}\n`);
  }
}

async function runIn(temp, bundle, action, values) {
  const commands = join(temp, COMMANDS);
  mkdirSync(commands, { mode: 0o700 });
  const files = {};
  for (const variable of ['GITHUB_OUTPUT', 'GITHUB_STATE', 'GITHUB_STEP_SUMMARY', 'GITHUB_ENV', 'GITHUB_PATH']) {
    files[variable] = join(commands, variable.toLowerCase());
    writeFileSync(files[variable], '', { mode: 0o600 });
  }
  const environment = { ...process.env, GITHUB_WORKSPACE: process.cwd(), RUNNER_TEMP: temp, ...files };
  // What belongs to an outer action, and secrets under their other name, is not the child's.
  for (const name of Object.keys(environment)) if (/^(PAVED_INPUT|INPUT|STATE)_/.test(name)) delete environment[name];
  for (const [name, texts] of values) environment[`INPUT_${name.toUpperCase()}`] = texts.join('\n');
  const registryConfig = writeRegistryConfig(action, values, commands);
  if (registryConfig !== undefined) environment['INPUT_REGISTRY-CONFIG'] = registryConfig;
  const secrets = action.inputs
    .filter(({ kind }) => kind === 'secret')
    .flatMap(({ name }) => values.get(name) ?? [])
    .filter((text) => text !== '');

  const main = await runBundle(bundle, environment, secrets);
  const post = join(ROOT, 'dist', action.name, 'post.js');
  const state = readCommandFile(files.GITHUB_STATE);
  const states = Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value]));
  const after = existsSync(post) ? await runBundle(post, { ...environment, ...states }, secrets) : undefined;

  const status = main.status === 0 ? (after?.status ?? 0) : main.status;
  const errors = [...main.errors, ...(after?.errors ?? [])];
  return { status, errors, outputs: readCommandFile(files.GITHUB_OUTPUT) };
}

/** Runs a bundle, passes its log to stderr without workflow commands and secrets, and collects its error annotations. */
function runBundle(bundle, environment, secrets) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [bundle], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
    // A terminal tells the whole group; whoever signals this process alone means the action as well.
    const stop = () => child.kill('SIGTERM');
    process.once('exit', stop);
    const log = new CommandLog(secrets);
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop();
      for (const line of lines) log.line(line);
    });
    child.on('error', fail);
    child.on('close', (code) => {
      process.removeListener('exit', stop);
      if (rest !== '') log.line(rest);
      done({ status: code ?? 1, errors: log.errors });
    });
  });
}
