import type { MergedFinding } from './finding.js';

/** Times by what names a finding in an earlier verdict; ids may have changed since, so every alias is a key. */
export type FirstSeen = ReadonlyMap<string, string>;

interface Seen {
  readonly identity: string;
  readonly id: string;
  readonly aliases: readonly string[];
  readonly package?: { readonly purl: string };
  readonly firstSeen?: string;
}

function keysOf({ identity, id, aliases, package: found }: Omit<Seen, 'firstSeen'>): readonly string[] {
  return found === undefined ? [identity] : [id, ...aliases].map((name) => `${found.purl} ${name}`);
}

/** Index of an earlier verdict's findings. */
export function firstSeenOf(findings: readonly Seen[]): FirstSeen {
  const index = new Map<string, string>();
  for (const finding of findings) {
    const { firstSeen } = finding;
    if (firstSeen === undefined) continue;
    for (const key of keysOf(finding)) {
      const other = index.get(key);
      if (other === undefined || firstSeen < other) index.set(key, firstSeen);
    }
  }
  return index;
}

/** The earliest time at which a finding was seen under any of its names. */
export function earlierSight(index: FirstSeen | undefined, finding: MergedFinding): string | undefined {
  if (index === undefined) return undefined;
  return keysOf(finding)
    .flatMap((key) => index.get(key) ?? [])
    .sort()[0];
}
