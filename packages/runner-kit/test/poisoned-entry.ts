import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';

/** An archive as the cache client writes it (zstd, paths from the workspace), with bytes of an attacker. */
export async function createTar(workspace: string, file: string): Promise<Buffer> {
  const archive = join(workspace, 'poisoned.tzst');
  const args = [
    '--posix',
    '-cf',
    archive,
    '-P',
    '-C',
    workspace,
    '--use-compress-program',
    'zstd',
    relative(workspace, file),
  ];
  await promisify(execFile)('tar', args);
  return await readFile(archive);
}
