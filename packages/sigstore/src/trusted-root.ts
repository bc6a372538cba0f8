import { type Digest, sha256 } from '@paved/digest';
import { type Decoder, object, parseJson, refine, string } from '@paved/json';
import { SigstoreError } from './error.js';
import { type TrustMaterial, trustMaterialDecoder } from './verify/trust-material.js';

/** The keys and certificates that a verification trusts, read once; nothing else is trusted beside them. */
export interface TrustedRoot {
  readonly material: TrustMaterial;
  /** Digest of the document's text, for receipts. */
  readonly sha256: Digest;
  /** Document as given. */
  readonly text: string;
}

const MEDIA_TYPE = /^application\/vnd\.dev\.sigstore\.trustedroot(\+json;version=0\.1|\.v0\.[12]\+json)$/;

const head = object({
  mediaType: refine(string, (text) => {
    if (!MEDIA_TYPE.test(text)) throw new RangeError('it is not a trusted root of version 0.1 or 0.2');
    return text;
  }),
});
const document: Decoder<TrustMaterial> = (value, path) => {
  head(value, path);
  return trustMaterialDecoder(value, path);
};

/**
 * Reads a `trusted_root.json`. Every key and chain must say from when it is trusted.
 * @throws {SigstoreError} `TRUSTED_ROOT_MALFORMED` with the field as cause
 */
export function parseTrustedRoot(json: string): TrustedRoot {
  try {
    const plain = withoutNulls(json);
    const material = parseJson('the trusted root', plain, document);
    return { material, sha256: sha256(json), text: json };
  } catch (cause) {
    throw new SigstoreError('TRUSTED_ROOT_MALFORMED', 'Cannot read the trusted root', {
      cause,
      hint: 'Give the trusted_root.json of the Sigstore instance that signed',
    });
  }
}

/** A field of null is a field that is not set (protobuf's JSON mapping); some writers spell out `"end": null`. */
function withoutNulls(json: string): string {
  if (!json.includes('null')) return json;
  return JSON.stringify(JSON.parse(json, (_key, value: unknown) => (value === null ? undefined : value)));
}
