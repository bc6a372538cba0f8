import type { Bom, BomComponent } from './bom.js';
import { BomError } from './error.js';

/** NTIA "The Minimum Elements" (2021), and the draft of CISA of August 2025, which adds to it. */
export type ScoreProfile = 'ntia-2021' | 'cisa-2025';
export type Grade = 'A' | 'B' | 'C' | 'D' | 'F';
export const GRADES: readonly Grade[] = ['A', 'B', 'C', 'D', 'F'];

/** One element; `have` of `total` components state it (of 1 for what is stated once). `score` is 0 to 10. */
export interface ElementScore {
  readonly element: string;
  readonly have: number;
  readonly total: number;
  readonly score: number;
}

export interface SbomScore {
  readonly profile: ScoreProfile;
  /** 0 to 10, one decimal; the mean of the elements. */
  readonly score: number;
  readonly grade: Grade;
  /** Elements that every component states. */
  readonly complete: number;
  readonly elements: readonly ElementScore[];
}

const LIMITS: readonly (readonly [number, Grade])[] = [
  [9, 'A'],
  [8, 'B'],
  [7, 'C'],
  [5, 'D'],
];

/** The main component, and each component that is no file: what the elements are asked of. */
function judged(bom: Bom): readonly BomComponent[] {
  const packages = bom.components.filter(({ type }) => type !== 'file');
  return bom.main === undefined ? packages : [bom.main, ...packages];
}

function once(element: string, holds: boolean): ElementScore {
  return { element, have: holds ? 1 : 0, total: 1, score: holds ? 10 : 0 };
}

/** Without components there is nothing that states it: that is not full marks. */
function each(bom: Bom, element: string, holds: (component: BomComponent) => boolean): ElementScore {
  const all = judged(bom);
  const have = all.filter(holds).length;
  return { element, have, total: all.length, score: all.length === 0 ? 0 : (have / all.length) * 10 };
}

/** Edges count when they start at what the document is about; edges between packages alone leave out how they got in. */
function tellsDependencies({ main, dependencies, components }: Bom): boolean {
  if (main === undefined) return false;
  return (dependencies.get(main.ref)?.length ?? 0) > 0 || (components.length === 0 && dependencies.has(main.ref));
}

const identified = ({ purl, cpe }: BomComponent) => purl !== undefined || cpe !== undefined;

function ntia2021(bom: Bom): readonly ElementScore[] {
  return [
    each(bom, 'supplier', ({ supplier }) => supplier !== undefined),
    each(bom, 'name', ({ name }) => name !== ''),
    each(bom, 'version', ({ version }) => version !== undefined),
    each(bom, 'unique identifier', identified),
    once('dependency relationship', tellsDependencies(bom)),
    once('author', bom.authors.length > 0 || bom.producers.length > 0 || bom.tools.length > 0),
    once('timestamp', bom.created !== undefined),
  ];
}

function cisa2025(bom: Bom): readonly ElementScore[] {
  // SPDX gives every element an identifier of its own; CycloneDX leaves bom-ref to the document.
  const hasId = (entry: BomComponent) => identified(entry) || (bom.kind === 'spdx' && entry.ref !== '');
  return [
    once('machine-readable format', bom.kind === 'cyclonedx' || bom.kind === 'spdx'),
    once('author', bom.authors.length > 0),
    once('timestamp', bom.created !== undefined),
    once('tool name', bom.tools.length > 0),
    once('generation context', bom.created !== undefined || bom.lifecycles.length > 0),
    once('software producer', bom.producers.length > 0),
    each(bom, 'supplier', ({ supplier }) => supplier !== undefined),
    each(bom, 'name', ({ name }) => name !== ''),
    each(bom, 'version', ({ version }) => version !== undefined),
    each(bom, 'software identifier', hasId),
    each(bom, 'component hash', ({ hashes }) => hashes.length > 0),
    each(bom, 'licence', ({ licences }) => licences.length > 0),
    once('dependency relationship', tellsDependencies(bom)),
  ];
}

/** Scores a document as its reader sees it; nothing is assumed that it does not state. */
export function scoreBom(bom: Bom, profile: ScoreProfile): SbomScore {
  const elements = profile === 'ntia-2021' ? ntia2021(bom) : cisa2025(bom);
  const mean = elements.reduce((sum, { score }) => sum + score, 0) / elements.length;
  const score = Math.round(mean * 10) / 10;
  return {
    profile,
    score,
    grade: LIMITS.find(([limit]) => score >= limit)?.[1] ?? 'F',
    complete: elements.filter(({ score: own }) => own === 10).length,
    elements,
  };
}

/** @throws {BomError} `SBOM_GRADE_LOW` with the elements that cost the most */
export function assertGrade(score: SbomScore, minimum: Grade): void {
  if (GRADES.indexOf(score.grade) <= GRADES.indexOf(minimum)) return;
  const missing = score.elements
    .filter((element) => element.score < 10)
    .sort((a, b) => a.score - b.score)
    .slice(0, 5)
    .map(({ element, have, total }) => `${element} (${have} of ${total})`);
  throw new BomError(
    'SBOM_GRADE_LOW',
    `Cannot accept the SBOM: its grade is ${score.grade} (${score.score} of 10, ${score.profile}), and ${minimum} is asked for`,
    { hint: `What is missing most: ${missing.join(', ')}` },
  );
}
