import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readConfig, renderWorkflows, writeWorkflows } from '@paved/toolchain';
import { commitAll } from '../../demo/git.js';
import { chooseIsolation } from '../../demo/isolation.js';
import { CALLER_WORKFLOW, createProject } from '../../demo/project.js';
import { machineEnvironment } from '../../demo/release.js';
import { openWorld, PLATFORM, type World } from '../../demo/world.js';
import { type ActRun, runAct } from './act-run.js';

const OWNER = { owner: 'acme', name: 'acted', id: '7003', ownerId: '70' } as const;
const CHECKOUT = 'actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd';

export interface ActWorld {
  readonly world: World;
  /** Runs the caller's workflow; `platform` is changed before it is used. */
  run(workflow: string, change?: (platform: string) => void): Promise<ActRun>;
  close(): Promise<void>;
}

/**
 * The platform rendered for runners that do not know `$/`: a first commit with actions and bundles, a second whose workflows name that
 * commit. act takes both from folders.
 */
export async function openActWorld(act: string): Promise<ActWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'paved-act-'));
  const { isolation } = await chooseIsolation();
  const world = await openWorld({ folder: join(folder, 'world'), isolation });
  const first = world.platformCommit;
  let count = 0;

  async function run(workflow: string, change: (platform: string) => void = () => undefined): Promise<ActRun> {
    const base = join(folder, `run-${++count}`);
    const platform = join(base, 'platform');
    cpSync(world.repositories[PLATFORM]?.path ?? '', platform, { recursive: true });
    const configPath = join(platform, 'paved.config.yml');
    writeFileSync(
      configPath,
      readFileSync(configPath, 'utf8').replace(/^self-reference: .*$/m, `self-reference: ${first}`),
    );
    await writeWorkflows(
      join(platform, '.github/workflows'),
      await renderWorkflows('workflows', await readConfig(configPath)),
    );
    change(platform);
    commitAll(platform, 'name the first commit');
    const caller = createProject(join(base, 'caller'), {
      ...OWNER,
      source: 'examples/node-package',
      inputs: {},
      workflow,
    });
    const { runtimeToken, resultsUrl } = startRun(world, caller.sha);
    const home = join(base, 'home');
    mkdirSync(home, { recursive: true });
    const given = {
      ACTIONS_RUNTIME_TOKEN: runtimeToken,
      ACTIONS_RESULTS_URL: resultsUrl,
      ACTIONS_RUNTIME_URL: resultsUrl,
      GITHUB_REPOSITORY_ID: OWNER.id,
      GITHUB_REPOSITORY_OWNER_ID: OWNER.ownerId,
      GITHUB_REF_PROTECTED: 'true',
      RUNNER_ENVIRONMENT: 'github-hosted',
      PAVED_ACT_CALLER: caller.path,
      ...machineEnvironment(),
    };
    const args = [
      'push',
      ...['-W', join(caller.path, CALLER_WORKFLOW)],
      ...['-P', 'ubuntu-24.04=-self-hosted'],
      ...['--local-repository', `${PLATFORM}@v1=${platform}`],
      ...['--local-repository', `${PLATFORM}@${first}=${platform}`],
      ...['--local-repository', `${CHECKOUT}=${resolve('test/engines/act/checkout')}`],
      ...['--defaultbranch', 'main', '--no-cache-server', '--no-recurse', '--concurrent-jobs', '1'],
      ...Object.entries(given).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ];
    const path = `${resolve('node_modules/.bin')}:${process.env.PATH ?? ''}`;
    const environment = { PATH: path, HOME: home, XDG_CACHE_HOME: join(home, 'cache'), LANG: 'C.UTF-8' };
    return await runAct(act, args, { cwd: caller.path, environment });
  }

  return {
    world,
    run,
    close: async () => {
      await world.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One run with one token on the artifact service: act has no service of its own that today's client understands. */
function startRun({ github }: World, sha: string): { readonly runtimeToken: string; readonly resultsUrl: string } {
  const repository = `${OWNER.owner}/${OWNER.name}`;
  github.addRepository(OWNER);
  const run = github.createRun({
    repository,
    sha,
    ref: 'refs/heads/main',
    event: 'push',
    workflowPath: CALLER_WORKFLOW,
  });
  return github.startJob({ runId: run.id, name: 'act', permissions: { contents: 'read' }, claims: {} });
}
