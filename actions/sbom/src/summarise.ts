import { type BomComponent, packageIdOf, type SbomContext, type SbomScore } from '@paved/bom';
import type { ActionContext } from '@paved/runner-kit';
import type { Documents } from './documents.js';
import type { Sources } from './sources.js';

export interface Summarised {
  readonly sources: Sources;
  readonly sbom: SbomContext;
  readonly documents: Documents;
  readonly score: SbomScore;
}

function ecosystemOf({ purl }: BomComponent): string {
  return purl === undefined ? 'without package URL' : packageIdOf(purl).ecosystem;
}

/** Counts that tell a reader at once whether the documents are plausible. */
export function summarise(context: ActionContext, { sources, sbom, documents, score }: Summarised): void {
  const { bom, unresolved } = sources;
  const direct = new Set(bom.dependencies.get('subject') ?? []);
  const ecosystems = [...new Set(bom.components.map(ecosystemOf))].sort();
  const rows = ecosystems.map((ecosystem) => {
    const own = bom.components.filter((entry) => ecosystemOf(entry) === ecosystem);
    const count = (matches: (entry: BomComponent) => boolean) => String(own.filter(matches).length);
    return [
      ecosystem,
      String(own.length),
      count(({ ref }) => direct.has(ref)),
      count(({ scope }) => scope === 'development'),
      count(({ licences }) => licences.length === 0),
    ];
  });
  const version = sbom.version ?? bom.main?.version ?? '';
  context.summary
    .heading(`SBOM of ${sbom.name ?? bom.name} ${version}`.trim())
    .paragraph(
      `CycloneDX and SPDX 2.3 for ${sbom.subjects.length} subject(s), checked against the published schemas. Grade ${score.grade}, ${score.score} of 10 (${score.profile}).`,
    )
    .table(['Ecosystem', 'Packages', 'Direct', 'Development', 'Without licence'], rows);
  context.summary.details('Score', (inner) => {
    const elements = score.elements.map(({ element, have, total }) => [element, `${have} of ${total}`]);
    inner.table(['Element', 'Stated'], elements);
  });
  if (unresolved > 0) {
    context.summary.paragraph(`${unresolved} entries of lock files fix no version: they are not in the documents.`);
    context.log.warning(`${unresolved} entries of lock files fix no version and are not in the SBOM`);
  }
  const dropped = [...new Set([...documents.cyclonedx.dropped, ...documents.spdx.dropped])];
  if (dropped.length > 0) context.summary.paragraph(`Left out to stay below 16 MiB: ${dropped.join(', ')}.`);
  context.log.info(`Wrote two SBOMs with ${bom.components.length} packages, grade ${score.grade}`);
}
