import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CallerRepository } from '@paved/local-runner';
import { stringify } from 'yaml';
import { commitAll } from './git.js';
import { PLATFORM } from './world.js';

/** What a caller writes below `with:`. */
export type ReleaseInputs = Readonly<Record<string, string>>;

export interface ProjectOptions {
  readonly owner: string;
  readonly name: string;
  readonly id: string;
  readonly ownerId: string;
  /** Folder that becomes the repository's content. */
  readonly source: string;
  readonly inputs: ReleaseInputs;
  /** Written over the source, relative path to text. */
  readonly files?: Readonly<Record<string, string>>;
  /** Text of a workflow of its own, instead of one that calls release-artifact. */
  readonly workflow?: string;
  /** Environment of the calling workflow. */
  readonly env?: Readonly<Record<string, string>>;
}

export const CALLER_WORKFLOW = '.github/workflows/release.yml';

/** A repository with one commit, whose workflow calls release-artifact and grants what it needs. */
export function createProject(folder: string, options: ProjectOptions): CallerRepository {
  mkdirSync(folder, { recursive: true });
  cpSync(options.source, folder, { recursive: true, filter: (path) => !/\/(node_modules|\.git)(\/|$)/.test(path) });
  for (const [path, text] of Object.entries(options.files ?? {})) writeFileSync(join(folder, path), text);
  mkdirSync(join(folder, '.github/workflows'), { recursive: true });
  writeFileSync(join(folder, CALLER_WORKFLOW), options.workflow ?? stringify(callerWorkflow(options)));
  return {
    path: folder,
    owner: options.owner,
    name: options.name,
    id: options.id,
    ownerId: options.ownerId,
    ref: 'refs/heads/main',
    refProtected: true,
    sha: commitAll(folder, 'release'),
    event: 'push',
  };
}

function callerWorkflow({ inputs, env }: ProjectOptions): unknown {
  return {
    name: 'release',
    on: { push: { branches: ['main'] } },
    permissions: {},
    ...(env === undefined ? {} : { env }),
    jobs: {
      release: {
        permissions: { actions: 'read', contents: 'read', 'id-token': 'write', packages: 'write' },
        uses: `${PLATFORM}/.github/workflows/release-artifact.yml@v1`,
        with: inputs,
      },
    },
  };
}
