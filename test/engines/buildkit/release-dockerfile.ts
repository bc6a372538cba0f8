import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunResult } from '@paved/local-runner';
import { stringify } from 'yaml';
import { createProject } from '../../demo/project.js';
import { release } from '../../demo/release.js';
import { PLATFORM, type World } from '../../demo/world.js';

export const OWNER = { owner: 'acme', name: 'example', id: '7001', ownerId: '70' } as const;

type ContainerWorkflow = 'release-container' | 'release-container-matrix' | 'review-container';

/** Releases a repository with this Dockerfile through the rendered workflow, or tries to with review-container. */
export async function releaseDockerfile(
  world: World,
  dockerfile: string,
  inputs: Readonly<Record<string, string | boolean>>,
  workflow: ContainerWorkflow = 'release-container',
): Promise<RunResult> {
  const source = join(world.folder, `source-${inputs.version}`);
  mkdirSync(source, { recursive: true });
  writeFileSync(join(source, 'Dockerfile'), dockerfile);
  writeFileSync(join(source, 'app.txt'), 'the program\n');
  const caller = createProject(join(world.folder, `caller-${inputs.version}`), {
    ...OWNER,
    source,
    inputs: {},
    workflow: stringify({
      name: 'release',
      on: { push: { branches: ['main'] } },
      permissions: {},
      jobs: {
        release: {
          permissions: {
            ...{ actions: 'read', contents: 'read' },
            ...(workflow.startsWith('release-') ? { 'id-token': 'write', packages: 'write' } : {}),
          },
          uses: `${PLATFORM}/.github/workflows/${workflow}.yml@v1`,
          with: { name: 'greeter', dockerfile: 'Dockerfile', lockfile: 'Dockerfile', ...inputs },
        },
      },
    }),
  });
  return await release(world, { caller });
}

/** What went wrong, for the message of a failed test. */
export function failuresOf(run: RunResult): string {
  const failed = run.jobs.flatMap((job) => job.steps.filter((step) => step.outcome === 'failure'));
  return run.error?.message ?? failed.map((step) => `${step.name}: ${step.log.slice(-2500)}`).join('\n');
}
