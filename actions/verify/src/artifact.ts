import { basename } from 'node:path';
import { type Digest, sha256File } from '@paved/digest';
import type { HttpClient } from '@paved/http';
import { openLayout, parseReference, type Reference, referenceText } from '@paved/oci';
import type { InputsOf } from '@paved/runner-kit';
import type { Candidate } from './candidate.js';
import type { Check } from './check.js';
import { passed } from './check.js';
import type { definition } from './definition.js';
import { VerifyError } from './error.js';
import { fetchImage } from './fetch-image.js';
import { readBundles } from './read-bundles.js';

/** What a bundle must be about; `digest` is of bytes that were read here, or that the registry was held to. */
export interface Artifact {
  readonly name: string;
  readonly digest: Digest;
}

export interface Gathered {
  readonly artifacts: readonly Artifact[];
  readonly candidates: readonly Candidate[];
  /** Checks that gathering itself has made. */
  readonly checks: readonly Check[];
  readonly reference?: Reference;
}

type Inputs = InputsOf<typeof definition>;

/** @throws {VerifyError} `INPUT_INVALID` unless exactly one of image, files and layout-path is given */
export async function gather(inputs: Inputs, http: HttpClient): Promise<Gathered> {
  const given = [inputs.image, inputs.files, inputs['layout-path']].filter((value) => value !== undefined);
  if (given.length !== 1) {
    throw new VerifyError('INPUT_INVALID', 'Cannot choose what to verify: give one of image, files and layout-path');
  }
  const candidates = await readBundles(inputs.bundles ?? []);
  if (inputs.image !== undefined) return await gatherImage(inputs.image, inputs, http, candidates);
  const artifacts =
    inputs['layout-path'] === undefined
      ? await Promise.all((inputs.files ?? []).map(hashFile))
      : [await hashLayout(inputs['layout-path'])];
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
  });
  return {
    artifacts: [{ name: `${reference.registry}/${reference.repository}`, digest: reference.digest }],
    candidates: [...candidates, ...fetched.candidates],
    checks: fetched.checks,
    reference,
  };
}

async function hashFile(path: string): Promise<Artifact> {
  return { name: basename(path), digest: await sha256File(path) };
}

async function hashLayout(path: string): Promise<Artifact> {
  const { root } = await openLayout(path);
  return { name: basename(path), digest: root.digest };
}
