import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The fresh folders of one job; nothing is shared with another job. */
export interface Machine {
  readonly home: string;
  readonly workspace: string;
  readonly temp: string;
  readonly toolCache: string;
  /** Where repositories of actions are unpacked. */
  readonly actions: string;
  /** The runner's own files; no variable names it. */
  readonly private: string;
  /** Marks every process of the job. */
  readonly trackingId: string;
}

export async function createMachine(root: string, repositoryName: string): Promise<Machine> {
  const work = join(root, 'work');
  const machine = {
    home: join(root, 'home'),
    workspace: join(work, repositoryName, repositoryName),
    temp: join(work, '_temp'),
    toolCache: join(root, 'tools'),
    actions: join(work, '_actions'),
    private: join(root, 'runner'),
  };
  await Promise.all(Object.values(machine).map((folder) => mkdir(folder, { recursive: true, mode: 0o755 })));
  return { ...machine, trackingId: `github_${randomUUID()}` };
}
