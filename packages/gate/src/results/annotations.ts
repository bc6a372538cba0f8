import { byText } from '../order.js';
import { blocks, type ReportedFinding } from './reported.js';
import { oneLine, placeOf, plainReason } from './words.js';

/** A manifest or lock file of the repository; `path` is relative to its root. */
export interface ManifestText {
  readonly path: string;
  readonly text: string;
}

export interface Annotation {
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  readonly level: 'error' | 'warning' | 'notice';
  readonly title: string;
  readonly message: string;
}

/** The service shows ten of each level per step and drops the rest. */
const MAX_ANNOTATIONS = 10;

/** A name stands on a line when nothing that could continue it touches it: `ms` is not in `"mssql"`, nor in `"@x/ms"`. */
function standsOn(line: string, name: string): boolean {
  for (let at = line.indexOf(name); at !== -1; at = line.indexOf(name, at + 1)) {
    const before = line.slice(Math.max(0, at - 13), at);
    const after = line[at + name.length] ?? ' ';
    const fromModules = before.endsWith('node_modules/');
    const opens = before === '' || fromModules || !/[\w@/.-]$/.test(before);
    if (opens && !/[\w/.-]/.test(after)) return true;
  }
  return false;
}

/** PEP 503: one name has many spellings. */
const foldPyPi = (text: string) => text.toLowerCase().replaceAll(/[-_.]+/g, '-');
const asWritten = (text: string) => text;
type Fold = typeof asWritten;

interface Folded {
  readonly text: string;
  readonly lines: readonly string[];
}

const foldedTexts = new Map<Fold, WeakMap<ManifestText, Folded>>([
  [asWritten, new WeakMap()],
  [foldPyPi, new WeakMap()],
]);

/** Split once: a lock file has a hundred thousand lines, and a report thousands of findings. */
function foldedOf(manifest: ManifestText, fold: Fold): Folded {
  const known = foldedTexts.get(fold);
  const found = known?.get(manifest);
  if (found !== undefined) return found;
  const text = fold(manifest.text);
  const folded = { text, lines: text.split('\n') };
  known?.set(manifest, folded);
  return folded;
}

/** What a manifest has for the package: a POM names group and artifact on lines of their own. */
function spellingsOf(name: string, ecosystem: string, fold: Fold): readonly string[] {
  const artifact = ecosystem === 'Maven' ? name.slice(name.lastIndexOf(':') + 1) : '';
  return artifact === '' || artifact === name ? [fold(name)] : [name, `<artifactId>${artifact}</artifactId>`];
}

/** The first line of the first manifest that names the package; manifests come in the order of the caller's trust. */
export function manifestLine(
  manifests: readonly ManifestText[],
  found: { readonly name: string; readonly ecosystem: string } | undefined,
): { path: string; line: number } | undefined {
  if (found === undefined || found.name === '') return undefined;
  const fold = found.ecosystem === 'PyPI' ? foldPyPi : asWritten;
  const spellings = spellingsOf(found.name, found.ecosystem, fold);
  for (const manifest of manifests) {
    const { text, lines } = foldedOf(manifest, fold);
    for (const name of spellings) {
      if (!text.includes(name)) continue;
      const index = lines.findIndex((line) => line.includes(name) && standsOn(line, name));
      if (index !== -1) return { path: manifest.path, line: index + 1 };
    }
  }
  return undefined;
}

/** What blocks and what warns, on the line that brings it; the worst ten of each level. */
export function annotationsOf(
  findings: readonly ReportedFinding[],
  manifests: readonly ManifestText[],
): readonly Annotation[] {
  const all = findings.flatMap((finding): readonly Annotation[] => {
    const blocking = blocks(finding);
    if (!blocking && (finding.status !== 'open' || finding.action !== 'warn')) return [];
    const own = finding.locations.find(({ line }) => line !== undefined);
    const place =
      finding.package === undefined
        ? own?.line === undefined
          ? undefined
          : { path: own.path, line: own.line }
        : manifestLine(manifests, finding.package);
    if (place === undefined) return [];
    const fix = finding.fixedIn.length === 0 ? 'no fix yet' : `fixed in ${finding.fixedIn.slice(0, 3).join(', ')}`;
    return [
      {
        ...place,
        level: blocking ? 'error' : 'warning',
        title: oneLine(`${finding.id} in ${placeOf(finding)}`, 200),
        message: oneLine(`${finding.severity}, ${fix}: ${finding.title} (${plainReason(finding)})`, 1000),
      },
    ];
  });
  const kept = (level: Annotation['level']) => all.filter((item) => item.level === level).slice(0, MAX_ANNOTATIONS);
  return [...kept('error'), ...kept('warning')].sort((a, b) => byText(a.path, b.path) || a.line - b.line);
}

const escapeData = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const escapeProperty = (text: string) => escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

/** One line for the runner. Text of others cannot end the command, add a property, or start another command. */
export function workflowCommand({ path, line, level, title, message }: Annotation): string {
  return `::${level} file=${escapeProperty(path)},line=${line},title=${escapeProperty(title)}::${escapeData(message)}`;
}
