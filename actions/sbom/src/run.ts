import { writeFile } from 'node:fs/promises';
import { isAbsolute, join, posix } from 'node:path';
import {
  assertGrade,
  buildDependencySnapshot,
  readBom,
  type SbomContext,
  type SbomSubject,
  scoreBom,
} from '@paved/bom';
import { hashSubjects } from '@paved/bom/subject-files';
import { digestHex, sha256 } from '@paved/digest';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { type Documents, writeDocuments } from './documents.js';
import { SbomActionError } from './error.js';
import { assertSameSubject, readSources, type Sources } from './sources.js';
import { summarise } from './summarise.js';

type Inputs = InputsOf<typeof definition>;
type Outputs = OutputsOf<typeof definition>;

/** Both documents are built, held to their schemas and scored before either is written. */
export async function run(inputs: Inputs, context: ActionContext): Promise<Outputs> {
  const sources = await readSources({
    manifests: inputs['fetch-manifest'] ?? [],
    lockfiles: inputs.lockfiles ?? [],
    documents: inputs.documents ?? [],
  });
  const subjects = await subjectsOf(inputs, sources);
  assertSameSubject(
    sources,
    subjects.map(({ digest }) => digest),
  );
  const sbomContext = contextOf(inputs, context, sources, subjects);
  const documents = writeDocuments(sources, sbomContext, inputs['cyclonedx-version']);
  const score = scoreBom(readBom(Buffer.from(documents.cyclonedx.text)), inputs['score-profile']);
  assertGrade(score, inputs['minimum-grade']);
  const written = await writeAll(documents, fileNameOf(sbomContext, sources), context);
  const reports = await context.workDir();
  const scorePath = join(reports, 'sbom-score.json');
  await writeFile(scorePath, `${JSON.stringify(score, null, 2)}\n`, { flag: 'wx' });
  context.events.emit({
    stage: 'sbom',
    event: 'scored',
    profile: score.profile,
    grade: score.grade,
    score: score.score,
  });
  summarise(context, { sources, sbom: sbomContext, documents, score });
  return {
    ...written,
    'score-path': scorePath,
    grade: score.grade,
    'snapshot-path': await writeSnapshot(inputs, sources, sbomContext, context, reports),
  };
}

async function writeAll(documents: Documents, name: string, context: ActionContext) {
  const folder = await context.workDir();
  const whole = await context.workDir();
  const paths = { cyclonedx: '', spdx: '' };
  let trimmed = false;
  for (const kind of ['cyclonedx', 'spdx'] as const) {
    const { text, dropped, whole: full } = documents[kind];
    paths[kind] = join(folder, `sbom-${name}-${kind}.json`);
    await writeFile(paths[kind], text, { flag: 'wx' });
    if (full !== undefined) {
      trimmed = true;
      await writeFile(join(whole, `${kind}-${digestHex(full.digest)}.json`), full.text, { flag: 'wx' });
      context.log.warning(
        `The ${kind} document was above 16 MiB; left out: ${dropped.join(', ')}. The whole one is ${full.digest}`,
      );
    }
    context.events.emit({
      stage: 'sbom',
      event: 'document-written',
      kind,
      sha256: sha256(text),
      bytes: Buffer.byteLength(text),
      dropped: dropped.length,
    });
  }
  return {
    'sboms-path': folder,
    'cyclonedx-path': paths.cyclonedx,
    'spdx-path': paths.spdx,
    'whole-path': trimmed ? whole : undefined,
  };
}

async function writeSnapshot(
  { 'snapshot-manifest': given }: Inputs,
  { bom }: Sources,
  { created, tool }: SbomContext,
  { runner, log }: ActionContext,
  folder: string,
): Promise<string | undefined> {
  if (given === undefined) return undefined;
  const manifest = manifestPath(given);
  const { snapshot, unidentified } = buildDependencySnapshot(bom, {
    sha: runner.sha,
    ref: runner.ref,
    job: { id: runner.runId, correlator: `${runner.workflow}_${runner.job}_${manifest}` },
    // An action of the workflow's own repository has no repository of its own.
    detector: { ...tool, url: `${runner.serverUrl}/${runner.optional('actionRepository') ?? runner.repository}` },
    scanned: created,
    manifest,
  });
  if (unidentified > 0)
    log.notice(`The dependency snapshot leaves out ${unidentified} components that have no package URL`);
  const path = join(folder, 'dependency-snapshot.json');
  await writeFile(path, `${JSON.stringify(snapshot)}\n`, { flag: 'wx' });
  return path;
}

/** As GitHub's dependency graph names files: relative to the repository. */
function manifestPath(given: string): string {
  const path = posix.normalize(given);
  if (!isAbsolute(path) && path !== '.' && !path.startsWith('..') && !path.endsWith('/')) return path;
  throw new SbomActionError('MANIFEST_PATH_INVALID', `Cannot name "${given.slice(0, 100)}" in a dependency snapshot`, {
    hint: 'Set snapshot-manifest to the path of a file, relative to the repository',
  });
}

async function subjectsOf(inputs: Inputs, { bom }: Sources): Promise<readonly SbomSubject[]> {
  const { 'subject-path': path, 'subject-digest': digest } = inputs;
  const files = path === undefined ? [] : await hashSubjects(path);
  const image = digest === undefined ? [] : [{ name: inputs.name ?? bom.name, digest }];
  const subjects = [...files, ...image];
  if (subjects.length > 0) return subjects;
  throw new SbomActionError('SUBJECT_MISSING', 'Cannot write an SBOM: nothing is named that it describes', {
    hint: 'Set subject-path to the built files, or subject-digest to the digest of the image',
  });
}

function contextOf(
  inputs: Inputs,
  { runner }: ActionContext,
  { bom, manifest }: Sources,
  subjects: readonly SbomSubject[],
): SbomContext {
  const { name, version, supplier, platform } = inputs;
  const created = inputs.created ?? manifest?.fetchedAt ?? bom.created;
  if (created === undefined) {
    throw new SbomActionError('CREATED_MISSING', 'Cannot date the SBOM: no source states a time', {
      hint: 'Set created to the time of the commit: the clock would make other bytes in each run',
    });
  }
  return {
    subjects,
    componentType: inputs['component-type'],
    ...(name === undefined ? {} : { name }),
    ...(version === undefined ? {} : { version }),
    ...(platform === undefined ? {} : { platform }),
    created,
    tool: { name: 'paved-sbom', version: runner.optional('actionRef') ?? 'unreleased' },
    supplier:
      supplier === undefined ? { name: runner.owner, url: `${runner.serverUrl}/${runner.owner}` } : { name: supplier },
  };
}

function fileNameOf({ name, platform }: SbomContext, { bom }: Sources): string {
  const full = [name ?? bom.name, ...(platform === undefined ? [] : [platform])].join('-');
  return (
    full
      .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[-.]+/, '')
      .slice(0, 80) || 'release'
  );
}
