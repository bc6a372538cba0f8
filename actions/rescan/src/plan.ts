import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '@paved/digest';
import { array, JsonError, parseJson, string } from '@paved/json';
import { listTags, parseReference, parseTag, type Reference } from '@paved/oci';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import { compare, parse as parseVersion, type SemVer } from 'semver';
import type { definition } from './definition.js';
import { type Plan, type PlannedRelease, RESCAN_PLAN_MEDIA_TYPE } from './documents.js';
import { RescanError } from './error.js';
import { repositoryOf } from './registry.js';
import { required } from './required.js';

type Inputs = InputsOf<typeof definition>;

/** GitHub's limit of one matrix. */
const MAX_RELEASES = 256;

/**
 * What is looked at in this run: the digests that are named, and of a repository that is named without one the digests of its newest
 * versions. A tag of one architecture (`1.2.3-amd64` beside `1.2.3`) is part of the index of that version and is left out.
 * @throws {RescanError} `NOTHING_TO_RESCAN`, `TOO_MANY_RELEASES`
 */
export async function plan(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const found = new Map<string, PlannedRelease>();
  for (const text of readImages(required(inputs, 'images'))) {
    for (const release of await releasesOf(text, inputs, context)) {
      const known = found.get(release.image);
      found.set(release.image, known === undefined ? release : { ...known, tags: [...known.tags, ...release.tags] });
    }
  }
  const releases = [...found.values()];
  if (releases.length === 0) {
    throw new RescanError('NOTHING_TO_RESCAN', 'Cannot rescan: nothing that is named has a version', {
      hint: 'Name repositories that hold tags such as 1.2.3, or references by digest',
    });
  }
  if (releases.length > MAX_RELEASES) {
    throw new RescanError(
      'TOO_MANY_RELEASES',
      `Cannot rescan ${releases.length} releases: a matrix has ${MAX_RELEASES}`,
      {
        hint: 'Lower keep, or call the workflow once for some repositories and once for the others',
      },
    );
  }
  const document: Plan = { mediaType: RESCAN_PLAN_MEDIA_TYPE, at: new Date().toISOString(), releases };
  const path = join(await context.workDir(), 'rescan-plan.json');
  await writeFile(path, `${JSON.stringify(document, null, 2)}\n`, { flag: 'wx' });
  context.log.info(`${releases.length} releases are looked at`);
  context.events.emit({ stage: 'rescan', event: 'planned', releases: releases.length });
  return { images: JSON.stringify(releases.map(({ image }) => image)), 'plan-path': path };
}

/** A JSON list, as workflows pass it, or one per line. */
function readImages(text: string): readonly string[] {
  try {
    const list = text.trimStart().startsWith('[')
      ? parseJson('images', text, array(string))
      : text.split('\n').map((line) => line.trim());
    return list.filter((line) => line !== '');
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new RescanError('INPUT_INVALID', 'Cannot rescan: images is no JSON list of texts', {
      cause,
      hint: 'Write images as a JSON list, such as ["ghcr.io/owner/name"]',
    });
  }
}

async function releasesOf(text: string, inputs: Inputs, context: ActionContext): Promise<readonly PlannedRelease[]> {
  const reference = parseReference(text);
  if (reference.tag !== undefined && reference.digest === undefined) {
    throw new RescanError('INPUT_INVALID', `Cannot rescan "${text}": a tag may move`, {
      hint: 'Name the repository alone, then its versions are found, or a reference by digest',
    });
  }
  if (reference.digest !== undefined) return [release(reference, reference.digest, [])];
  return await newestVersions(reference, inputs, context);
}

async function newestVersions(
  reference: Reference,
  inputs: Inputs,
  context: ActionContext,
): Promise<readonly PlannedRelease[]> {
  const repository = await repositoryOf(reference, inputs, context);
  const newest = versionTags(await listTags(repository)).slice(0, inputs.keep);
  const releases: PlannedRelease[] = [];
  for (const tag of newest) {
    const digest = (await repository.pullManifest(parseTag(tag)))?.manifest.digest;
    if (digest !== undefined) releases.push(release(reference, digest, [tag]));
  }
  return releases;
}

/** Tags that are versions, the newest first. */
export function versionTags(tags: readonly string[]): readonly string[] {
  const all = new Set(tags);
  const versions = tags.flatMap((tag): readonly (readonly [string, SemVer])[] => {
    const version = parseVersion(tag.replace(/^v/, ''));
    const base = tag.lastIndexOf('-');
    const isPart = base > 0 && all.has(tag.slice(0, base));
    return version === null || isPart ? [] : [[tag, version]];
  });
  return versions.toSorted(([, a], [, b]) => compare(b, a)).map(([tag]) => tag);
}

function release({ registry, repository }: Reference, digest: Digest, tags: readonly string[]): PlannedRelease {
  const artifact = `${registry}/${repository}`;
  return { image: `${artifact}@${digest}`, artifact, tags };
}
