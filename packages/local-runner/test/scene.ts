import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  type JobResult,
  type RunResult,
  type RunWorkflowOptions,
  runWorkflow,
  type StepResult,
} from '@paved/local-runner';
import { type GitHubService, type Issuer, startGitHub, startIssuer } from '@paved/testkit';

export type Files = Readonly<Record<string, string>>;

/** A JavaScript action of the road's repository; `main` and `post` are the text of their scripts. */
export function action(name: string, main: string, more: { inputs?: string; post?: string } = {}): Files {
  const post = more.post === undefined ? '' : '  post: post.js\n';
  return {
    [`actions/${name}/action.yml`]: `name: ${name}\ndescription: test\n${more.inputs ?? ''}runs:\n  using: node24\n  main: main.js\n${post}`,
    [`actions/${name}/main.js`]: main,
    ...(more.post === undefined ? {} : { [`actions/${name}/post.js`]: more.post }),
  };
}

/** An action that prints its environment as one line of JSON. */
export const PRINT_ENVIRONMENT = action('env', `console.log('ENV ' + JSON.stringify(process.env));`);

/** A caller that calls `road.yml` with the permissions of the road. */
export const CALLER = `name: release
on: push
permissions: {}
jobs:
  release:
    permissions:
      contents: read
      id-token: write
      actions: read
    uses: org/paved/.github/workflows/road.yml@v1
`;

/** A reusable workflow without inputs whose `jobs` are `text`. */
export function road(jobs: string, on = '  workflow_call:\n'): string {
  return `name: road\non:\n${on}permissions: {}\njobs:\n${jobs}`;
}

export class Scene {
  readonly folder: string;
  readonly issuer: Issuer;
  readonly github: GitHubService;

  private constructor(folder: string, issuer: Issuer, github: GitHubService) {
    this.folder = folder;
    this.issuer = issuer;
    this.github = github;
  }

  static async open(): Promise<Scene> {
    const issuer = await startIssuer();
    const folder = await mkdtemp(join(tmpdir(), 'paved-runner-'));
    return new Scene(folder, issuer, await startGitHub({ issuer }));
  }

  async close(): Promise<void> {
    await this.github.close();
    await this.issuer.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Makes a git repository of `files` with one commit. */
  async repository(files: Files): Promise<{ path: string; sha: string }> {
    const path = await mkdtemp(join(this.folder, 'repository-'));
    const git = (...args: string[]): string => execFileSync('git', args, { cwd: path, encoding: 'utf8' });
    git('init', '--quiet', '--initial-branch=main');
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), text);
    }
    git('add', '--all');
    git('-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '--quiet', '--message', 'first');
    return { path, sha: git('rev-parse', 'HEAD').trim() };
  }

  /** Runs `caller` (default {@link CALLER}) with `road.yml` and `actions` in the road's repository. */
  async run(
    parts: { readonly road?: string; readonly caller?: string; readonly actions?: Files; readonly files?: Files },
    options: Partial<RunWorkflowOptions> & { readonly event?: string } = {},
  ): Promise<RunResult> {
    const workflow = '.github/workflows/release.yml';
    const caller = await this.repository({
      [workflow]: parts.caller ?? CALLER,
      'README.md': 'hello\n',
      ...parts.files,
    });
    const paved = await this.repository({
      '.github/workflows/road.yml': parts.road ?? road('  none:\n    runs-on: x\n    steps:\n      - run: "true"\n'),
      ...parts.actions,
    });
    return await runWorkflow({
      callerRepository: {
        ...caller,
        owner: 'acme',
        name: 'widget',
        id: '900100',
        ownerId: '800200',
        ref: 'refs/heads/main',
        refProtected: true,
        event: options.event ?? 'push',
      },
      workflowPath: workflow,
      repositories: { 'org/paved': paved },
      services: this.github,
      ...options,
    });
  }
}

export function job(result: RunResult, id: string): JobResult {
  const found = result.jobs.find((item) => item.id === id);
  if (found === undefined) throw new Error(`no job ${id}: ${result.error?.message ?? JSON.stringify(result.jobs)}`);
  return found;
}

export function step(result: RunResult, id: string, index: number): StepResult {
  const found = job(result, id).steps[index];
  if (found === undefined) throw new Error(`no step ${index}: ${JSON.stringify(job(result, id).annotations)}`);
  return found;
}

/** The environment that {@link PRINT_ENVIRONMENT} (or `run: env`) printed. */
export function environment(printed: StepResult): Readonly<Record<string, string>> {
  const line = printed.log.split('\n').find((text) => text.startsWith('ENV '));
  if (line !== undefined) return JSON.parse(line.slice(4)) as Record<string, string>;
  const pairs = printed.log.split('\n').map((text) => text.split('='));
  return Object.fromEntries(pairs.map(([name = '', ...rest]) => [name, rest.join('=')]));
}
