import { type Digest, parseDigest } from '@paved/digest';
import { literal, object, parseJson, string } from '@paved/json';

const document = object({
  critical: object({
    type: literal('cosign container image signature'),
    image: object({ 'docker-manifest-digest': string }),
  }),
});

/** The digest that a legacy image signature is about (cosign, specs/SIGNATURE_SPEC.md), or `undefined` for any other document. */
export function parseSimpleSigning(payload: Uint8Array): Digest | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload);
    return parseDigest(parseJson('a signature payload', text, document).critical.image['docker-manifest-digest']);
  } catch {
    return undefined;
  }
}
