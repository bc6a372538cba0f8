import { parseTag, type Reference } from '@paved/oci';
import type { InputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { VerifyError } from './error.js';

type Inputs = InputsOf<typeof definition>;

/**
 * The name under which the artifact is used: `oci://registry/repository:tag` for an image, `resource-uri` for files. `undefined`
 * when nothing names it.
 */
export function resourceUriOf(inputs: Inputs, reference: Reference | undefined): string | undefined {
  if (inputs['resource-uri'] !== undefined) return inputs['resource-uri'];
  const tag = inputs.tag ?? reference?.tag;
  if (reference === undefined || tag === undefined) return undefined;
  return `oci://${reference.registry}/${reference.repository}:${parseTag(tag)}`;
}

/** @throws {VerifyError} `INPUT_INVALID` when a summary is wanted and nothing says of what, or of several artifacts at once */
export function requireResourceUri(resourceUri: string | undefined, artifacts: number): string {
  if (resourceUri !== undefined && artifacts === 1) return resourceUri;
  throw new VerifyError('INPUT_INVALID', 'Cannot make a verification summary: it is of one artifact with one name', {
    hint: 'Give image and tag, or one file and resource-uri',
  });
}
