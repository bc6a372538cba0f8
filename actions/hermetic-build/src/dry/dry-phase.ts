import { existsSync } from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { FetchedPackage } from '@paved/bom';
import type { ActionContext } from '@paved/runner-kit';
import { publicAccess, registryAccess } from '../fetch/fetch-phase.js';
import type { LockedProject } from '../kinds/locked-project.js';
import { openProject } from '../kinds/open-project.js';
import type { Inputs, Outputs } from '../run.js';
import { type DryFinding, findingOfError, findingsOfArchive } from './finding.js';
import { NO_TRAITS, scanArchive } from './scan-archive.js';
import { findingsOfDockerfile } from './scan-dockerfile.js';
import { findingsOfSource } from './scan-source.js';

const MAX_SHOWN = 50;
const GZIP = 0x1f8b;

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
  const { dockerfile, lockfile } = inputs;
  if (dockerfile === undefined) return await findInProject(inputs, context, workDir);
  const own = await findingsOfDockerfile(inputs, publicAccess(inputs, context).http);
  // A Dockerfile without packages is its own lock file.
  const alone = posix.normalize(lockfile) === posix.normalize(dockerfile);
  return alone ? own : [...own, ...(await findInProject(inputs, context, workDir))];
}

async function findInProject(inputs: Inputs, context: ActionContext, workDir: string): Promise<readonly DryFinding[]> {
  let project: LockedProject;
  try {
    project = await openProject(inputs['source-path'], inputs.lockfile);
  } catch (error) {
    return [findingOfError(error)];
  }
  const kind = familyOf(project);
  const own = await findingsOfSource(inputs['source-path'], inputs.lockfile, kind, inputs.command);
  const refused = (project.refusals?.() ?? []).map(findingOfError);
  if (refused.length > 0) return [...refused, ...own];
  const bundlePath = join(workDir, 'bundle');
  await mkdir(bundlePath);
  try {
    const { packages } = await project.fetch({
      ...registryAccess(inputs, project, publicAccess(inputs, context)),
      bundlePath,
      workDir,
      repository: context.runner.repository,
      onProgress: () => {},
    });
    const scanned = await Promise.all(packages.map((item) => scanPackage(item, bundlePath)));
    return [...own, ...scanned.flat()];
  } catch (error) {
    return [...own, findingOfError(error)];
  }
}

/** Of npm's registry there are three package managers, with settings of their own. */
function familyOf({ registryKind, lockfiles }: LockedProject): string {
  const [lock] = lockfiles;
  return registryKind === 'npm' ? (lock?.kind ?? 'npm') : (registryKind ?? 'files');
}

async function scanPackage(item: FetchedPackage, bundlePath: string): Promise<readonly DryFinding[]> {
  // A package inside another one's archive is seen with that one.
  if (item.lockDigest === '' || item.ecosystem === 'purl:generic') return [];
  // Of yarn 2 and later, an archive has the name of the digest that yarn locks.
  const names = [`${item.digests.sha512}.tgz`, `${item.lockDigest.replace(/^.*\//, '')}.yarn.tgz`, item.digests.sha256];
  const path = names.map((name) => join(bundlePath, name)).find((candidate) => existsSync(candidate));
  const format = path === undefined ? undefined : await formatOf(path);
  if (path === undefined || format === undefined) return findingsOfArchive(item, NO_TRAITS);
  try {
    return findingsOfArchive(item, await scanArchive(item.purl, path, format, item.ecosystem));
  } catch (error) {
    // A jar is never unpacked by us, so an odd one stands in nobody's way.
    return [{ ...findingOfError(error), package: item.purl, breaks: item.ecosystem !== 'Maven' }];
  }
}

/** `undefined` for what is no archive, such as a POM. */
async function formatOf(path: string): Promise<'tar' | 'zip' | undefined> {
  const handle = await open(path);
  try {
    const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    if (buffer.toString('latin1') === 'PK') return 'zip';
    return buffer.readUInt16BE(0) === GZIP ? 'tar' : undefined;
  } finally {
    await handle.close();
  }
}
