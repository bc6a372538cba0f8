import type { OsvRecord } from '@paved/gate';

export interface ModuleVersion {
  readonly module: string;
  readonly version: string;
}

const MAX_PAIRS = 4000;
const PLAIN = /^(\d+)\.(\d+)\.(\d+)$/;

/**
 * Pairs around every boundary that the database knows: the boundary itself, one below, one above, a pre-release of it, a
 * pseudo-version before and after it, `+incompatible` where Go would write that. In the order of the records, and the same each time.
 */
export function boundaryPairs(records: readonly OsvRecord[]): readonly ModuleVersion[] {
  const pairs = new Map<string, ModuleVersion>();
  for (const { affected } of records) {
    for (const part of affected) {
      if (part.package?.ecosystem !== 'Go') continue;
      const module = part.package.name;
      const boundaries = part.ranges.flatMap(({ events }) =>
        events.flatMap(({ introduced, fixed, last_affected }) => [introduced, fixed, last_affected]),
      );
      for (const boundary of boundaries) {
        for (const version of around(module, boundary ?? '0')) pairs.set(`${module}@${version}`, { module, version });
      }
    }
  }
  const all = [...pairs.values()];
  // Every n-th, so that the whole database takes part and not its beginning.
  const step = Math.max(1, Math.floor(all.length / MAX_PAIRS));
  return all.filter((_, index) => index % step === 0);
}

function around(module: string, boundary: string): readonly string[] {
  if (boundary === '0') return ['0.0.0', '0.0.0-20180101000000-0123456789ab', '1.0.0', '99.0.0'];
  const match = PLAIN.exec(boundary);
  if (match === null) return [boundary];
  const [major, minor, patch] = match.slice(1).map(Number) as [number, number, number];
  const below = patch > 0 ? `${major}.${minor}.${patch - 1}` : minor > 0 ? `${major}.${minor - 1}.99` : '0.0.1';
  const isIncompatible = major >= 2 && !/(?:\/v\d+|\.v\d+)$/.test(module) && module.includes('.');
  return [
    boundary,
    below,
    `${major}.${minor}.${patch + 1}`,
    `${major}.${minor}.${patch + 10}`,
    `${boundary}-rc.1`,
    `${boundary}-0.20200102030405-0123456789ab`,
    `${major}.${minor}.${patch + 1}-0.20230102030405-0123456789ab`,
    ...(isIncompatible ? [`${boundary}+incompatible`, `${below}+incompatible`] : []),
  ];
}
