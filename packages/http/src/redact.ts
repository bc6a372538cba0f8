const SAFE_QUERY_KEYS = new Set([
  'artifactType',
  'digest',
  'mount',
  'from',
  'n',
  'last',
  'service',
  'scope',
  'ref',
  'per_page',
  'page',
]);

/**
 * Drops user info and fragment, and replaces every query value that is not on the allow-list: signed URLs carry credentials there.
 * A name without a value can be the credential itself.
 */
export function redactUrl(url: URL | string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return '<unparsable URL>';
  }
  parsed.username = '';
  parsed.password = '';
  parsed.hash = '';
  for (const key of [...parsed.searchParams.keys()]) {
    if (SAFE_QUERY_KEYS.has(key)) continue;
    const bare = parsed.searchParams.getAll(key).some((value) => /^=*$/.test(value));
    if (bare) parsed.searchParams.delete(key);
    parsed.searchParams.set(bare ? 'REDACTED' : key, 'REDACTED');
  }
  return parsed.toString();
}
