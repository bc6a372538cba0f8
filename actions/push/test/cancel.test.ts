import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type Fault, type LoggedRequest, startRegistry } from '@paved/testkit';
import { cancelled, listenForCancellation, type SignalSource } from '../src/cancellation.js';
import { definition } from '../src/definition.js';
import { runUntil } from '../src/run.js';
import { type Job, startJob } from './scenario.js';

const NAME = 'octo/app';
const closing: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

type When = (request: LoggedRequest) => boolean;

const UPLOAD: When = ({ method, path }) => method === 'PUT' && path.includes('/blobs/uploads/');
const MANIFEST: When = ({ method, path }) => method === 'PUT' && path.includes('/manifests/sha256:');
const LOOKS_FOR_TAG: When = ({ method, path }) => method === 'GET' && path.endsWith('/manifests/1.0.0');

/** A job that is cancelled when the registry sees a request; that request is never answered. */
async function start(when: When) {
  const controller = new AbortController();
  let armed = true;
  const onRequest = (request: LoggedRequest): Fault | undefined => {
    if (!armed || !when(request)) return undefined;
    controller.abort(cancelled());
    return { kind: 'stall', ms: 500 };
  };
  const [job, registry] = [await startJob(), await startRegistry({ onRequest })];
  closing.push(() => job.dispose(), registry.close);
  const inputs = {
    files: job.files,
    registry: registry.host,
    repository: NAME,
    tags: '1.0.0',
    'allow-unsigned': 'true',
  };
  const push = async (signal: AbortSignal) => runUntil(signal, await job.inputs(definition, inputs), job.context);
  const again = async () => {
    armed = false;
    return await push(new AbortController().signal);
  };
  return { job, registry, push: () => push(controller.signal), again };
}

describe('a push that is cancelled', () => {
  test.each<[string, When]>([
    ['while blobs are sent', UPLOAD],
    ['while manifests are sent', MANIFEST],
    ['right before the tag', LOOKS_FOR_TAG],
  ])('%s says so and leaves no tag; run again, it succeeds', async (_name, when) => {
    const { registry, push, again } = await start(when);
    await expect(push()).rejects.toMatchObject({ code: 'PUSH_CANCELLED' });
    expect(registry.store.repository(NAME).tags.size).toBe(0);
    const { digest } = await again();
    expect([...registry.store.repository(NAME).tags]).toEqual([['1.0.0', digest]]);
  });

  test('cancels the upload sessions that it was filling', async () => {
    const { registry, push } = await start(UPLOAD);
    await expect(push()).rejects.toMatchObject({ code: 'PUSH_CANCELLED' });
    const pathsOf = (wanted: When) => registry.requests.filter(wanted).map(({ path }) => path);
    const filling = pathsOf(UPLOAD);
    expect(filling.length).toBeGreaterThan(0);
    // One that was opened at that very moment is not known here; it expires at the registry.
    expect(pathsOf(({ method }) => method === 'DELETE')).toEqual(expect.arrayContaining(filling));
  });

  test('while it waits to try again does not wait any longer', async () => {
    const controller = new AbortController();
    const headers = { 'retry-after': '20' };
    const onRequest = (request: LoggedRequest): Fault | undefined => {
      if (!UPLOAD(request)) return undefined;
      setTimeout(() => controller.abort(cancelled()), 50);
      return { kind: 'status', status: 503, headers };
    };
    const [job, registry] = [await startJob(), await startRegistry({ onRequest })];
    closing.push(() => job.dispose(), registry.close);
    const inputs = { files: job.files, registry: registry.host, repository: NAME, mode: 'content' };
    const pushing = runUntil(controller.signal, await job.inputs(definition, inputs), job.context);
    await expect(pushing).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:PUSH_CANCELLED|REGISTRY_UNAVAILABLE)$/),
    });
    expect(registry.store.repository(NAME).tags.size).toBe(0);
  });
});

describe('signals', () => {
  function listen() {
    const emitter = new EventEmitter();
    const killed: string[] = [];
    let time = 0;
    const source: SignalSource = {
      pid: 1,
      on: (name, listener) => emitter.on(name, listener),
      off: (name, listener) => emitter.off(name, listener),
      kill: (_pid, name) => killed.push(name),
    };
    const { signal, dispose } = listenForCancellation(source, () => time);
    const send = (name: string, at: number) => {
      time = at;
      return emitter.emit(name, name);
    };
    return { signal, dispose, send, killed };
  }

  test.each<[string, readonly (readonly [string, number])[], readonly string[]]>([
    ['one', [['SIGINT', 0]], []],
    [
      'those of a runner',
      [
        ['SIGINT', 0],
        ['SIGTERM', 7500],
      ],
      ['SIGTERM'],
    ],
    [
      'one that a shell and a program pass on',
      [
        ['SIGINT', 0],
        ['SIGTERM', 3],
      ],
      [],
    ],
    [
      'an impatient one',
      [
        ['SIGINT', 0],
        ['SIGTERM', 3],
        ['SIGINT', 900],
      ],
      ['SIGINT'],
    ],
  ])('%s: requests end at the first, and the process where nobody waits any more', (_name, sent, ends) => {
    const { signal, send, killed } = listen();
    expect(signal.aborted).toBe(false);
    for (const [name, at] of sent) send(name, at);
    expect(signal.reason).toMatchObject({ code: 'PUSH_CANCELLED' });
    expect(killed).toEqual(ends);
  });

  test('are not caught any more after the push', () => {
    const { dispose, send } = listen();
    dispose();
    expect([send('SIGINT', 0), send('SIGTERM', 0)]).toEqual([false, false]);
  });
});

interface Step {
  readonly child: ChildProcess;
  /** Status, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
  outputs(): Promise<Readonly<Record<string, string>>>;
  state(): Promise<Readonly<Record<string, string>>>;
}

/** A step as the runner starts it: the bundle that users run, with its inputs and files. */
async function startStep(
  job: Job,
  bundle: string,
  inputs: Readonly<Record<string, string>>,
  state: Readonly<Record<string, string>>,
  facts: Readonly<Record<string, string>>,
): Promise<Step> {
  const files = ['output', 'state', 'summary', 'env'].map((name) => join(job.temp, `${randomUUID()}-${name}`));
  const [output = '', saved = '', summary = '', env = ''] = files;
  for (const path of files) await writeFile(path, '');
  const child = spawn(process.execPath, [fileURLToPath(new URL(`../../../dist/${bundle}`, import.meta.url))], {
    cwd: job.workspace,
    stdio: 'ignore',
    env: {
      ...FACTS,
      ...facts,
      ...Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
      ...Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value])),
      ...{ GITHUB_WORKSPACE: job.workspace, RUNNER_TEMP: job.temp },
      ...{ GITHUB_OUTPUT: output, GITHUB_STATE: saved, GITHUB_STEP_SUMMARY: summary, GITHUB_ENV: env },
    },
  });
  const ended = new Promise<number | string | null>((done) =>
    child.on('close', (code, signal) => done(code ?? signal)),
  );
  return { child, ended, outputs: () => valuesOf(output), state: () => valuesOf(saved) };
}

/** `name<<delimiter`, the value, the delimiter. */
async function valuesOf(path: string): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(path, 'utf8');
  const found = [...text.matchAll(/^([\w-]+)<<(\S+)\n([\s\S]*?)\n\2$/gm)];
  return Object.fromEntries(found.map(([, name = '', , value = '']) => [name, value]));
}

/** As action.yml has them. */
const DEFAULTS = Object.fromEntries(
  Object.entries(definition.inputs).flatMap(([name, { default: value }]) =>
    value === undefined ? [] : [[name, value]],
  ),
);

const FACTS = {
  GITHUB_ACTIONS: 'true',
  GITHUB_REPOSITORY: 'octo/app',
  GITHUB_REPOSITORY_ID: '1001',
  GITHUB_REPOSITORY_OWNER_ID: '2002',
  GITHUB_ACTOR: 'mona',
  GITHUB_SHA: 'a'.repeat(40),
  GITHUB_REF: 'refs/heads/main',
  GITHUB_RUN_ID: '3003',
  GITHUB_RUN_ATTEMPT: '1',
  GITHUB_EVENT_NAME: 'push',
  RUNNER_ENVIRONMENT: 'github-hosted',
};

test.each(['SIGINT', 'SIGTERM'] as const)('the real steps of a job that gets %s during a push', async (name) => {
  let onUpload: (() => void) | undefined;
  const onRequest = (request: LoggedRequest): Fault | undefined => {
    if (onUpload === undefined || !UPLOAD(request)) return undefined;
    onUpload();
    return { kind: 'stall', ms: 1000 };
  };
  const [job, registry] = [await startJob(), await startRegistry({ auth: 'basic', onRequest })];
  closing.push(() => job.dispose(), registry.close);
  const { username, password } = registry.credentials;
  const server = { GITHUB_SERVER_URL: `http://${registry.host}` };
  const signIn = { method: 'job-token', registry: registry.host, username, 'github-token': password };
  const attempt = async () => {
    const login = await startStep(job, 'oidc-login/index.js', signIn, {}, server);
    expect(await login.ended).toBe(0);
    const { 'registry-config': config = '' } = await login.outputs();
    const inputs = { registry: registry.host, repository: NAME, 'registry-config': config };
    const all = { ...DEFAULTS, ...inputs, files: 'out/**', tags: '1.0.0', 'allow-unsigned': 'true' };
    const push = await startStep(job, 'push/index.js', all, {}, server);
    return { login, push, config };
  };

  const started = new Promise<void>((resolve) => {
    onUpload = resolve;
  });
  const stopped = await attempt();
  await started;
  stopped.push.child.kill(name);
  expect(await stopped.push.ended).not.toBe(0);
  expect(registry.store.repository(NAME).tags.size).toBe(0);
  expect(await stopped.push.outputs()).toEqual({});
  const post = await startStep(job, 'oidc-login/post.js', signIn, await stopped.login.state(), server);
  expect(await post.ended).toBe(0);
  expect(existsSync(stopped.config)).toBe(false);

  onUpload = undefined;
  const again = await attempt();
  expect(await again.push.ended).toBe(0);
  expect([...registry.store.repository(NAME).tags.keys()]).toEqual(['1.0.0']);
});
