import { array, object, optional, parseJson, string } from '@paved/json';
import { AttestationError } from './error.js';

export interface EnvelopeSignature {
  readonly sig: Buffer;
  readonly keyid?: string;
}

/** DSSE envelope with its base64 already decoded; nothing here is verified. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signatures: readonly EnvelopeSignature[];
}

const NOT_BASE64 = /[^A-Za-z0-9+/]/;

const decodeEnvelope = object({
  payloadType: string,
  payload: string,
  signatures: array(object({ sig: string, keyid: optional(string) })),
});

/** Pre-authentication encoding, DSSEv1: what the signature covers. Lengths count bytes, not characters. */
export function pae(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `),
    type,
    Buffer.from(` ${payload.length} `),
    Buffer.from(payload),
  ]);
}

/** @throws {AttestationError} `ENVELOPE_MALFORMED` for other JSON, lax base64, or no signature */
export function parseEnvelope(text: string): Envelope {
  try {
    const raw = parseJson('the envelope', text, decodeEnvelope);
    if (raw.signatures.length === 0) throw new AttestationError('ENVELOPE_MALFORMED', 'it has no signature');
    return {
      payloadType: raw.payloadType,
      payload: strictBase64(raw.payload),
      signatures: raw.signatures.map(({ sig, keyid }) => ({
        sig: strictBase64(sig),
        ...(keyid === undefined ? {} : { keyid }),
      })),
    };
  } catch (cause) {
    throw new AttestationError('ENVELOPE_MALFORMED', 'Cannot read a DSSE envelope', {
      cause,
      hint: 'Pass the bundle as the signer wrote it, without changes',
    });
  }
}

/**
 * Node's decoder skips foreign characters, so that two texts would mean the same bytes. One search for a wrong character: a pattern
 * over groups keeps each of them in memory, and gives up after three MiB.
 */
function strictBase64(text: string): Buffer {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  if (text.length % 4 !== 0 || NOT_BASE64.test(text.slice(0, text.length - padding)))
    throw new AttestationError('ENVELOPE_MALFORMED', 'a member is not base64');
  return Buffer.from(text, 'base64');
}
