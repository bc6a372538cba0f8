import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Digest, parseDigest } from '@paved/digest';
import type { HttpClient } from '@paved/http';
import { parseReference, type Reference, referenceText } from '@paved/oci';
import type { ActionContext, InputsOf } from '@paved/runner-kit';
import type { Candidate } from './candidate.js';
import type { Check } from './check.js';
import { passed } from './check.js';
import type { definition } from './definition.js';
import { VerifyError } from './error.js';
import { fetchImage } from './fetch-image.js';
import { readBundles } from './read-bundles.js';
import { wantedBundles } from './wanted-bundles.js';

/** What a bundle must be about; `digest` is of bytes that were read here, or that the registry was held to. */
export interface Artifact {
  readonly name: string;
  readonly digest: Digest;
  /** The index that names this manifest. */
  readonly parent?: Digest;
  /** Where the file is. */
  readonly path?: string;
}

export interface Gathered {
  /** What was named first, then what is below it. */
  readonly artifacts: readonly Artifact[];
  readonly candidates: readonly Candidate[];
  /** Checks that gathering itself has made. */
  readonly checks: readonly Check[];
  readonly reference?: Reference;
}

type Inputs = InputsOf<typeof definition>;

type Surroundings = Pick<ActionContext, 'http' | 'workDir'>;

/** @throws {VerifyError} `INPUT_INVALID` unless exactly one of image, files and layout-path is given */
export async function gather(inputs: Inputs, { http, workDir }: Surroundings): Promise<Gathered> {
  const given = [inputs.image, inputs.files, inputs['layout-path']].filter((value) => value !== undefined);
  if (given.length !== 1) {
    throw new VerifyError('INPUT_INVALID', 'Cannot choose what to verify: give one of image, files and layout-path');
  }
  const candidates = await readBundles(inputs.bundles ?? []);
  if (inputs.image !== undefined) return await gatherImage(inputs.image, inputs, http, candidates);
  const artifacts =
    inputs['layout-path'] === undefined
      ? await Promise.all((inputs.files ?? []).map((path) => hashFile(path, inputs['digest-algorithm'])))
      : await gatherLayout(inputs['layout-path'], inputs, workDir);
  const checks = artifacts.map(({ name, digest }) => passed(`artifact ${name}`, digest));
  return { artifacts, candidates, checks };
}

async function gatherImage(
  text: string,
  inputs: Inputs,
  http: HttpClient,
  candidates: readonly Candidate[],
): Promise<Gathered> {
  const reference = parseReference(text);
  if (reference.digest === undefined) {
    throw new VerifyError('INPUT_INVALID', `Cannot verify "${referenceText(reference)}": it has no digest`, {
      hint: 'Give registry/repository@sha256:...; a tag may name another image a moment later',
    });
  }
  const fetched = await fetchImage(reference, reference.digest, {
    http,
    registryConfig: inputs['registry-config'],
    plainHttp: inputs['plain-http'],
    tokenHosts: inputs['token-hosts'] ?? [],
    children: inputs.children,
    legacyTags: inputs['legacy-tags'],
    isWanted: wantedBundles(inputs),
  });
  const name = `${reference.registry}/${reference.repository}`;
  return {
    artifacts: [
      { name, digest: reference.digest },
      ...fetched.children.map(({ digest, parent }) => ({ name: `${name}@${digest}`, digest, parent })),
    ],
    candidates: [...candidates, ...fetched.candidates],
    checks: fetched.checks,
    reference,
  };
}

async function hashFile(path: string, algorithm: 'sha256' | 'sha512'): Promise<Artifact> {
  const info = await stat(path).catch(() => undefined);
  if (info?.isFile() !== true) {
    throw new VerifyError('INPUT_INVALID', `Cannot verify "${path}": it is not a regular file`, {
      hint: 'Name files that an earlier step left there; a pipe or device may never end',
    });
  }
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path), hash);
  return { name: basename(path), digest: parseDigest(`${algorithm}:${hash.digest('hex')}`), path };
}

/** Most verifications are of images, and never load what reads layouts and archives. */
async function gatherLayout(
  path: string,
  inputs: Inputs,
  workDir: Surroundings['workDir'],
): Promise<readonly Artifact[]> {
  const { hashLayout } = await import('./hash-layout.js');
  return await hashLayout(path, inputs, workDir);
}
