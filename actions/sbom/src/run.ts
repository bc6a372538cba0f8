import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  buildCycloneDx,
  buildSpdx,
  type FetchManifest,
  parseFetchManifest,
  type SbomContext,
  type SbomSubject,
} from '@paved/bom';
import { hashSubjects } from '@paved/bom/subject-files';
import { sha256 } from '@paved/digest';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { SbomActionError } from './error.js';
import { summarise } from './summarise.js';

type Inputs = InputsOf<typeof definition>;

const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;

/** Both documents are built and held to their schemas before either is written. */
export async function run(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const manifest = await readManifest(inputs['fetch-manifest']);
  const sbomContext = contextOf(inputs, context, manifest, await subjectsOf(inputs, manifest));
  const documents = { cyclonedx: buildCycloneDx(manifest, sbomContext), spdx: buildSpdx(manifest, sbomContext) };
  const folder = await context.workDir();
  const name = fileNameOf(sbomContext.name ?? manifest.root.name);
  const paths = {
    cyclonedx: join(folder, `sbom-${name}-cyclonedx.json`),
    spdx: join(folder, `sbom-${name}-spdx.json`),
  };
  await writeFile(paths.cyclonedx, documents.cyclonedx, { flag: 'wx' });
  await writeFile(paths.spdx, documents.spdx, { flag: 'wx' });
  for (const kind of ['cyclonedx', 'spdx'] as const) {
    context.events.emit({
      stage: 'sbom',
      event: 'document-written',
      kind,
      sha256: sha256(documents[kind]),
      bytes: Buffer.byteLength(documents[kind]),
      packages: manifest.packages.length,
    });
  }
  summarise(context, manifest, sbomContext);
  return { 'sboms-path': folder, 'cyclonedx-path': paths.cyclonedx, 'spdx-path': paths.spdx };
}

async function readManifest(path: string): Promise<FetchManifest> {
  const info = await stat(path).catch(() => undefined);
  if (!info?.isFile() || info.size > MAX_MANIFEST_BYTES) {
    const state = info === undefined ? 'it does not exist' : `it is no file of at most ${MAX_MANIFEST_BYTES} bytes`;
    throw new SbomActionError('FETCH_MANIFEST_UNREADABLE', `Cannot read fetch manifest "${path}": ${state}`, {
      hint: 'Hand over the record-path of the fetch phase and name fetch-manifest.json in it',
    });
  }
  return parseFetchManifest(await readFile(path, 'utf8'));
}

async function subjectsOf(inputs: Inputs, manifest: FetchManifest): Promise<readonly SbomSubject[]> {
  const { 'subject-path': path, 'subject-digest': digest } = inputs;
  const files = path === undefined ? [] : await hashSubjects(path);
  const image = digest === undefined ? [] : [{ name: inputs.name ?? manifest.root.name, digest }];
  const subjects = [...files, ...image];
  if (subjects.length > 0) return subjects;
  throw new SbomActionError('SUBJECT_MISSING', 'Cannot write an SBOM: nothing is named that it describes', {
    hint: 'Set subject-path to the built files, or subject-digest to the digest of the image',
  });
}

function contextOf(
  inputs: Inputs,
  { runner }: ActionContext,
  manifest: FetchManifest,
  subjects: readonly SbomSubject[],
): SbomContext {
  const { name, version, supplier } = inputs;
  return {
    subjects,
    componentType: inputs['component-type'],
    ...(name === undefined ? {} : { name }),
    ...(version === undefined ? {} : { version }),
    created: inputs.created ?? manifest.fetchedAt,
    tool: { name: 'paved-sbom', version: runner.optional('actionRef') ?? 'unreleased' },
    supplier:
      supplier === undefined ? { name: runner.owner, url: `${runner.serverUrl}/${runner.owner}` } : { name: supplier },
  };
}

function fileNameOf(name: string): string {
  return (
    name
      .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[-.]+/, '')
      .slice(0, 80) || 'release'
  );
}
