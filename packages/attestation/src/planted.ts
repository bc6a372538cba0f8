/** How deep a planted document may be wrapped (`[bundle]`, `{attestations: [{bundle}]}`) and is still seen. */
const MAX_DEPTH = 4;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function within(value: unknown, matches: (candidate: Record<string, unknown>) => boolean, depth = 0): boolean {
  if (depth > MAX_DEPTH) return false;
  if (Array.isArray(value)) return value.some((entry) => within(entry, matches, depth + 1));
  if (!isRecord(value)) return false;
  return matches(value) || Object.values(value).some((member) => within(member, matches, depth + 1));
}

function looksLikeStatement(value: Record<string, unknown>): boolean {
  const type = value._type;
  if (typeof type === 'string' && /in-toto\.io\/|\/Statement\//i.test(type)) return true;
  return typeof value.predicateType === 'string' && ('predicate' in value || 'subject' in value);
}

function looksLikeEnvelope(value: Record<string, unknown>): boolean {
  if (typeof value.payload === 'string' && (typeof value.payloadType === 'string' || Array.isArray(value.signatures))) {
    return true;
  }
  if (typeof value.mediaType === 'string' && value.mediaType.startsWith('application/vnd.dev.sigstore.')) return true;
  return 'verificationMaterial' in value || 'dsseEnvelope' in value || 'messageSignature' in value || isLegacy(value);
}

/** cosign's own bundle format, from before Sigstore's. */
function isLegacy(value: Record<string, unknown>): boolean {
  return 'base64Signature' in value || 'SignedEntryTimestamp' in value || 'rekorBundle' in value;
}

/** Deliberately wider than the parser: what a lax consumer might take for an in-toto statement counts. */
export function isStatementLike(json: unknown): boolean {
  return within(json, looksLikeStatement);
}

/** DSSE envelopes, Sigstore bundles of every version and cosign's legacy bundles, also wrapped in arrays or objects. */
export function isEnvelopeLike(json: unknown): boolean {
  return within(json, looksLikeEnvelope);
}
