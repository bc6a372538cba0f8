/** One challenge of a WWW-Authenticate header (RFC 9110, 11.6.1); names of parameters in lower case. */
export interface Challenge {
  readonly scheme: 'basic' | 'bearer';
  readonly parameters: ReadonlyMap<string, string>;
}

const MAX_HEADER_LENGTH = 8192;
const TOKEN =
  /(?:^|,)\s*([A-Za-z]+)(?=\s+[A-Za-z_]+\s*=|\s*(?:,|$))|([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g;

/** The header's challenges of the schemes that registries use; anything else in it is skipped. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  for (const match of header.slice(0, MAX_HEADER_LENGTH).matchAll(TOKEN)) {
    const [, scheme, name, quoted, plain] = match;
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    else challenges.at(-1)?.parameters.set((name ?? '').toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '');
  }
  return challenges.flatMap(({ scheme, parameters }) =>
    scheme === 'basic' || scheme === 'bearer' ? [{ scheme, parameters }] : [],
  );
}
