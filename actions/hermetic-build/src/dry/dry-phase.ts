import { existsSync } from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FetchedPackage } from '@paved/bom';
import type { ActionContext } from '@paved/runner-kit';
import { registryAccess } from '../fetch/fetch-phase.js';
import type { LockedProject } from '../kinds/locked-project.js';
import { openProject } from '../kinds/open-project.js';
import type { Inputs, Outputs } from '../run.js';
import { type DryFinding, findingOfError, findingsOfArchive } from './finding.js';
import { scanArchive } from './scan-archive.js';

const MAX_SHOWN = 50;

/**
 * Says what a hermetic build of this project would trip over, each with its cure; nothing is run and nothing refused. All refusals
 * of single packages are listed, not only the first.
 */
export async function dryPhase(inputs: Inputs, context: ActionContext): Promise<Outputs> {
  const workDir = await context.workDir();
  const findings = await findAll(inputs, context, workDir);
  const breaks = findings.filter((finding) => finding.breaks).length;
  const document = { mediaType: 'application/vnd.paved.dry-run.v1+json', breaks, findings };
  const path = join(workDir, 'dry-run.json');
  await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);
  const rows = findings.slice(0, MAX_SHOWN).map((item) => [item.code, item.package ?? '', item.detail, item.cure]);
  context.summary.heading('What a hermetic build would meet');
  if (rows.length === 0) context.summary.paragraph('Nothing that stands in its way was found.');
  else context.summary.table(['Code', 'Package', 'What', 'Cure'], rows);
  context.log.info(`${findings.length} findings, ${breaks} of which would break the build`);
  context.events.emit({ stage: 'build', event: 'dry-run', findings: findings.length, breaks });
  return { 'findings-path': path };
}

async function findAll(inputs: Inputs, context: ActionContext, workDir: string): Promise<readonly DryFinding[]> {
  let project: LockedProject;
  try {
    project = await openProject(inputs['source-path'], inputs.lockfile);
  } catch (error) {
    return [findingOfError(error)];
  }
  const refused = (project.refusals?.() ?? []).map(findingOfError);
  if (refused.length > 0) return refused;
  const bundlePath = join(workDir, 'bundle');
  await mkdir(bundlePath);
  try {
    const { packages } = await project.fetch({
      ...registryAccess(inputs, project, context),
      bundlePath,
      workDir,
      repository: context.runner.repository,
      onProgress: () => {},
    });
    const scanned = await Promise.all(packages.map((item) => scanPackage(item, bundlePath)));
    return scanned.flat();
  } catch (error) {
    return [findingOfError(error)];
  }
}

async function scanPackage(item: FetchedPackage, bundlePath: string): Promise<readonly DryFinding[]> {
  // A package inside another one's archive is seen with that one.
  if (item.lockDigest === '' || item.ecosystem === 'purl:generic') return [];
  const npm = join(bundlePath, `${item.digests.sha512}.tgz`);
  const path = existsSync(npm) ? npm : join(bundlePath, item.digests.sha256);
  return findingsOfArchive(item, await scanArchive(item.purl, path, await formatOf(path)));
}

async function formatOf(path: string): Promise<'tar' | 'zip'> {
  const handle = await open(path);
  try {
    const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return buffer.toString('latin1') === 'PK' ? 'zip' : 'tar';
  } finally {
    await handle.close();
  }
}
