import { readdir, readFile } from 'node:fs/promises';

/** Kills what a job left behind in sessions of its own, found as the service finds it: by a variable in its environment. */
export async function killOrphans(trackingId: string): Promise<void> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      if (!environment.split('\0').includes(`RUNNER_TRACKING_ID=${trackingId}`)) return;
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }),
  );
}
