import { packageIdOf, type SbomComponent } from '@paved/bom';
import { oneLine } from './fields.js';
import type { Policy } from './policy.js';
import type { RawFinding } from './raw-finding.js';
import { licenceState } from './rulings.js';

/** Several licences of one component are all of them (CycloneDX 1.6, "licenses"); one declared expression is itself. */
function expressionOf(licences: readonly string[]): string {
  return licences.length === 1 ? (licences[0] ?? '') : licences.map((entry) => `(${entry})`).join(' AND ');
}

/** A finding for each component whose licence the policy denies or nobody can resolve; none without licence rules. */
export function licenceFindings(components: readonly SbomComponent[], policy: Policy): readonly RawFinding[] {
  if (policy.licences === undefined) return [];
  return components.flatMap(({ purl, name, version = '', licences, direct, scope }): readonly RawFinding[] => {
    const licence = licences.length === 0 ? 'NOASSERTION' : expressionOf(licences);
    const state = licenceState(policy, licence);
    if (state === 'allowed') return [];
    return [
      {
        source: {
          name: 'sbom',
          id: licence,
          severity: 'unknown',
          version,
          // By which an exception can name it (`path:`).
          ...(purl === undefined ? { location: { path: oneLine(name, 500) } } : {}),
        },
        ids: [licence],
        kind: 'licence',
        // What has no purl has a licence all the same, and is found by its name.
        ...(purl === undefined ? { identity: oneLine(`licence sbom ${licence} ${name}`, 500) } : { purl }),
        ecosystem: purl === undefined ? '' : packageIdOf(purl).ecosystem,
        name,
        version,
        title: oneLine(`licence ${licence}${purl === undefined ? ` of ${name}` : ''} is ${state}`),
        direct,
        scope,
        licence,
      },
    ];
  });
}
