import { chmod, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Folders become 0755 and files 0755 or 0644, whatever the umask of the runner: the command runs as another user. */
export async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await makeReadable(path);
    else await chmod(path, ((await lstat(path)).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}
