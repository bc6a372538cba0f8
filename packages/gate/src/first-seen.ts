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

/** A text that is no time is later than any. */
function isEarlier(time: string, other: string): boolean {
  return Date.parse(time) < Date.parse(other) || Number.isNaN(Date.parse(other));
}

/** Index of an earlier verdict's findings. */
export function firstSeenOf(findings: readonly Seen[]): FirstSeen {
  const index = new Map<string, string>();
  for (const finding of findings) {
    const { firstSeen } = finding;
    if (firstSeen === undefined) continue;
    for (const key of keysOf(finding)) {
      const other = index.get(key);
      if (other === undefined || isEarlier(firstSeen, other)) index.set(key, firstSeen);
    }
  }
  return index;
}

/**
 * The earliest time at which a finding was seen under any of its names. Attack: an earlier verdict that saw it in a thousand years,
 * which no deadline would ever follow; what is no time before `atMs` says nothing.
 */
export function earlierSight(index: FirstSeen | undefined, finding: MergedFinding, atMs: number): string | undefined {
  if (index === undefined) return undefined;
  return keysOf(finding)
    .flatMap((key) => index.get(key) ?? [])
    .filter((time) => Date.parse(time) <= atMs)
    .sort((a, b) => Date.parse(a) - Date.parse(b))[0];
}
