import type { FetchManifest, SbomContext } from '@paved/bom';
import type { ActionContext } from '@paved/runner-kit';

/** Counts that tell a reader at once whether the documents are plausible. */
export function summarise(context: ActionContext, manifest: FetchManifest, sbom: SbomContext): void {
  const ecosystems = [...new Set(manifest.packages.map(({ ecosystem }) => ecosystem))].sort();
  const rows = ecosystems.map((ecosystem) => {
    const own = manifest.packages.filter((entry) => entry.ecosystem === ecosystem);
    const count = (matches: (entry: (typeof own)[number]) => boolean) => String(own.filter(matches).length);
    return [
      ecosystem,
      String(own.length),
      count(({ direct }) => direct),
      count(({ scope }) => scope === 'development'),
      count(({ licence = '' }) => licence.trim() === ''),
    ];
  });
  context.summary
    .heading(`SBOM of ${sbom.name ?? manifest.root.name} ${sbom.version ?? manifest.root.version}`)
    .paragraph(
      `CycloneDX 1.6 and SPDX 2.3 for ${sbom.subjects.length} subject(s), checked against the published schemas.`,
    )
    .table(['Ecosystem', 'Packages', 'Direct', 'Development', 'Without licence'], rows);
  context.log.info(`Wrote two SBOMs with ${manifest.packages.length} packages`);
}
