/** One byte changed somewhere in a bundle or its artifact. */
export interface Tampering {
  readonly name: string;
  readonly of: 'any' | 'dsse' | 'message';
  apply(bundle: string, artifact: Buffer): { readonly bundle: string; readonly artifact: Uint8Array };
}

type Path = readonly (string | number)[];

const FIRST_ENTRY = ['verificationMaterial', 'tlogEntries', 0] as const;

export const TAMPERINGS: readonly Tampering[] = [
  {
    name: 'one byte of the artifact changed',
    of: 'any',
    apply: (bundle, artifact) => ({ bundle, artifact: flip(artifact, 3) }),
  },
  inBundle('one byte of the payload changed', 'dsse', ['dsseEnvelope', 'payload']),
  inBundle('one byte of the signature changed', 'dsse', ['dsseEnvelope', 'signatures', 0, 'sig']),
  inBundle('one byte of the signature changed', 'message', ['messageSignature', 'signature']),
  inBundle('one byte of the log entry changed', 'any', [...FIRST_ENTRY, 'canonicalizedBody']),
  inBundle('one byte of the timestamp changed', 'any', [
    ...['verificationMaterial', 'timestampVerificationData', 'rfc3161Timestamps', 0, 'signedTimestamp'],
  ]),
  inBundle('one byte of the certificate changed', 'any', ['verificationMaterial', 'certificate', 'rawBytes']),
];

function inBundle(name: string, of: Tampering['of'], path: Path): Tampering {
  return { name, of, apply: (bundle, artifact) => ({ bundle: flipAt(bundle, path), artifact }) };
}

/** One bit changed near the end of the base64 text at `path`. */
export function flipAt(bundle: string, path: Path): string {
  const root: unknown = JSON.parse(bundle);
  const last = path.at(-1) ?? '';
  let holder = root as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) holder = holder[key] as Record<string | number, unknown>;
  const bytes = Buffer.from(String(holder[last]), 'base64');
  // The end of a structure is where signatures are, and no length field.
  holder[last] = flip(bytes, bytes.length - 2).toString('base64');
  return JSON.stringify(root);
}

function flip(bytes: Buffer, index: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[index] = (copy[index] ?? 0) ^ 0x01;
  return copy;
}
