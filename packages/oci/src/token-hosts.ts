import { OciError } from './error.js';
import { parseRegistryHost, type RegistryHost } from './reference.js';

/** For each registry that is asked, the hosts besides it that may see its credentials to issue its tokens. */
export type TokenHosts = ReadonlyMap<RegistryHost, readonly RegistryHost[]>;

/**
 * Reads entries `registry=host`, or `host` alone where one registry is asked. A host that one registry's tokens come from may be
 * anybody's to another one, so an entry is never believed for two. Entries for registries that are not in `registries` count for nobody.
 * @throws {OciError} `TOKEN_HOST_AMBIGUOUS` for a host alone beside several registries, `REFERENCE_INVALID`
 */
export function parseTokenHosts(entries: readonly string[], registries: readonly RegistryHost[]): TokenHosts {
  const asked = [...new Set(registries)];
  const pairs = entries.map((entry) => parseEntry(entry, asked));
  return new Map(
    asked.map((registry) => [registry, pairs.filter(([of]) => of === registry).map(([, host]) => host)] as const),
  );
}

function parseEntry(entry: string, asked: readonly RegistryHost[]): readonly [RegistryHost | undefined, RegistryHost] {
  const equals = entry.indexOf('=');
  const host = parseRegistryHost(entry.slice(equals + 1).trim());
  if (equals >= 0) return [parseRegistryHost(entry.slice(0, equals).trim()), host];
  const [only, ...others] = asked;
  if (others.length === 0) return [only, host];
  throw new OciError(
    'TOKEN_HOST_AMBIGUOUS',
    `Cannot send credentials to token host "${host}": ${asked.length} registries are asked, and it is named for none`,
    { hint: `Say whose tokens it issues in token-hosts, for example ${only}=${host}` },
  );
}
