import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActionContext } from './action-context.js';
import type { Commands } from './commands.js';
import { createContext } from './context.js';
import type { ActionDefinition, InputsOf } from './definition.js';
import { inputVariable } from './environment.js';
import { readInputs } from './read-inputs.js';
import { type FactName, factVariable } from './runner-facts.js';

export interface TestContextOptions {
  /** Default `test-action`. */
  readonly action?: string;
  /** Facts that differ from the defaults of {@link testFacts}; `undefined` takes one away. */
  readonly facts?: Partial<Record<FactName, string | undefined>> & { readonly refProtected?: boolean };
  /** Without it, the job has no id-token permission. */
  readonly idToken?: (audience: string) => Promise<string>;
  /** State that main left, for the test of a post. */
  readonly state?: Readonly<Record<string, string>>;
}

export interface TestContext {
  readonly context: ActionContext;
  readonly workspace: string;
  readonly temp: string;
  /** Lines of the log, commands as `::level::text`. */
  readonly lines: readonly string[];
  readonly masked: readonly string[];
  readonly state: ReadonlyMap<string, string>;
  summary(): string;
  events(): Promise<readonly Record<string, unknown>[]>;
  /** Parses texts with the action's codecs, as the runner would give them. */
  inputs<D extends ActionDefinition>(definition: D, texts?: Readonly<Record<string, string>>): Promise<InputsOf<D>>;
  /** Removes the folders. */
  dispose(): Promise<void>;
}

/** The facts of a push to a protected main branch of `octo/app`, on a hosted runner. */
export const testFacts: Readonly<Partial<Record<FactName, string>>> = {
  repository: 'octo/app',
  repositoryId: '1001',
  owner: 'octo',
  ownerId: '2002',
  sha: 'a'.repeat(40),
  ref: 'refs/heads/main',
  refName: 'main',
  refType: 'branch',
  runId: '3003',
  runNumber: '7',
  runAttempt: '1',
  eventName: 'push',
  actor: 'mona',
  actorId: '4004',
  triggeringActor: 'mona',
  serverUrl: 'https://github.com',
  apiUrl: 'https://api.github.com',
  job: 'seal',
  workflow: 'release',
  workflowRef: 'octo/app/.github/workflows/release.yml@refs/heads/main',
  workflowSha: 'a'.repeat(40),
  actionRepository: 'org/paved',
  actionRef: 'v1',
  runnerEnvironment: 'github-hosted',
  runnerName: 'hosted-1',
  runnerOs: 'Linux',
  runnerArch: 'X64',
};

/** An `ActionContext` over fresh temporary folders whose effects can be read. For tests alone; never part of a bundle. */
export async function testContext(options: TestContextOptions = {}): Promise<TestContext> {
  const root = await mkdtemp(join(tmpdir(), 'paved-test-'));
  const workspace = join(root, 'workspace');
  const temp = join(root, 'temp');
  await Promise.all([mkdir(workspace), mkdir(temp)]);
  const recorder = new Recorder(options);
  const environment = environmentOf(options, { workspace, temp });
  const context = createContext(options.action ?? 'test-action', environment, recorder);
  return {
    context,
    workspace,
    temp,
    lines: recorder.lines,
    masked: recorder.masked,
    state: recorder.state,
    summary: () => context.summary.text(),
    events: () => readEvents(context.events.path),
    inputs(definition, texts = {}) {
      const given = Object.entries(texts).map(([name, text]) => [inputVariable(name), text]);
      return readInputs(definition, {
        environment: Object.fromEntries(given),
        scope: { workspace, temp },
        onSecret: (_name, text) => context.mask(text),
      });
    },
    async dispose() {
      context.http.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

function environmentOf(options: TestContextOptions, folders: { workspace: string; temp: string }) {
  const { refProtected = true, ...facts } = options.facts ?? {};
  const environment: Record<string, string | undefined> = { GITHUB_REF_PROTECTED: String(refProtected) };
  for (const [name, value] of Object.entries({ ...testFacts, ...folders, ...facts })) {
    environment[factVariable(name as FactName)] = value;
  }
  if (options.idToken !== undefined) {
    environment.ACTIONS_ID_TOKEN_REQUEST_URL = 'http://127.0.0.1/id-token?api-version=2.0';
    environment.ACTIONS_ID_TOKEN_REQUEST_TOKEN = 'test-request-token';
  }
  return environment;
}

async function readEvents(path: string | undefined): Promise<readonly Record<string, unknown>[]> {
  if (path === undefined) return [];
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

class Recorder implements Commands {
  readonly lines: string[] = [];
  readonly masked: string[] = [];
  readonly state: Map<string, string>;
  readonly #idToken: ((audience: string) => Promise<string>) | undefined;

  constructor(options: TestContextOptions) {
    this.#idToken = options.idToken;
    this.state = new Map(Object.entries(options.state ?? {}));
  }

  write(line: string): void {
    this.lines.push(line);
  }

  debug(text: string): void {
    this.lines.push(`::debug::${text}`);
  }

  annotate(level: 'notice' | 'warning' | 'error', text: string): void {
    this.lines.push(`::${level}::${text}`);
  }

  startGroup(name: string): void {
    this.lines.push(`::group::${name}`);
  }

  endGroup(): void {
    this.lines.push('::endgroup::');
  }

  mask(value: string): void {
    this.masked.push(value);
  }

  setOutput(name: string, value: string): void {
    this.lines.push(`::set-output name=${name}::${value}`);
  }

  saveState(name: string, value: string): void {
    this.state.set(name, value);
  }

  getState(name: string): string {
    return this.state.get(name) ?? '';
  }

  async idToken(audience: string): Promise<string> {
    if (this.#idToken === undefined) throw new Error('no id-token permission');
    return await this.#idToken(audience);
  }
}
