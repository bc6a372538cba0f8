import { type Digest, parseDigest } from '@paved/digest';
import { advisoryId } from '../advisory-id.js';
import { type Fields, fieldsOf, listAt, numberAt, objectAt, objectsAt, oneLine, textAt, textsAt } from '../fields.js';
import { unique } from '../order.js';
import type { Epss, RawFinding } from '../raw-finding.js';
import { RawRecord, SourceRecord } from '../raw-record.js';
import { type Severity, severityOfScore, severityOfWord } from '../severity.js';
import { namedPackage } from './package-purl.js';
import { tooLarge } from './parse-bytes.js';
import { MAX_FINDINGS, malformed, type ParsedReport } from './parsed-report.js';

const SCANNER = 'grype';

/** The word first; `Unknown` and a missing word fall back to no judgement, never to a score that grype did not use. */
export function severityOfText(word: string): Severity {
  return severityOfWord(word) ?? 'unknown';
}

/**
 * A GHSA's one related CVE is its alias. An advisory of a distribution names all that it fixes: those are no aliases of each
 * other, and are only looked up in KEV.
 */
function idsOf(
  vulnerability: Fields,
  match: Fields,
): { readonly ids: readonly string[]; readonly mentions?: readonly string[] } {
  const own = advisoryId(textAt(vulnerability, 'id'));
  const related = objectsAt(match, 'relatedVulnerabilities').map((entry) => advisoryId(textAt(entry, 'id')));
  const others = unique(related.filter((id) => id !== '' && id !== own));
  if (others.length === 0) return { ids: [own] };
  return others.length === 1 ? { ids: unique([own, ...others]) } : { ids: [own], mentions: others };
}

/** The highest score of the match's own record, else of the related ones. */
function epssOf(entries: readonly Fields[]): Epss | undefined {
  for (const entry of entries) {
    if (listAt(entry, 'epss').length === 0) continue;
    const scores = objectsAt(entry, 'epss').flatMap((item): readonly Epss[] => {
      const [score, percentile] = [numberAt(item, 'epss'), numberAt(item, 'percentile')];
      if (score === undefined || percentile === undefined) return [];
      const date = textAt(item, 'date');
      return [{ score, percentile, ...(date === '' ? undefined : { date }) }];
    });
    if (scores.length > 0) return scores.reduce((a, b) => (b.score > a.score ? b : a));
  }
  return undefined;
}

function exploitedOf(entries: readonly Fields[]): RawFinding['exploited'] {
  for (const entry of entries) {
    if (listAt(entry, 'knownExploited').length === 0) continue;
    const [first] = objectsAt(entry, 'knownExploited');
    if (first === undefined) continue;
    return {
      cve: advisoryId(textAt(first, 'cve') || textAt(entry, 'id')),
      dateAdded: textAt(first, 'dateAdded'),
      dueDate: textAt(first, 'dueDate'),
      ransomware: textAt(first, 'knownRansomwareCampaignUse') === 'Known',
    };
  }
  return undefined;
}

const FIX_STATES: Readonly<Record<string, RawFinding['fixState']>> = {
  fixed: 'fixed',
  'not-fixed': 'not-fixed',
  'wont-fix': 'wont-fix',
};

/** Rules of the scanner's own configuration, in one line. */
function ignoreReason(match: Fields): string {
  const rules = objectsAt(match, 'appliedIgnoreRules').map((rule) => {
    const parts = ['vulnerability', 'reason', 'namespace', 'fix-state', 'vex-status', 'vex-justification'].flatMap(
      (key) => {
        const value = textAt(rule, key);
        return value === '' ? [] : [`${key} ${value}`];
      },
    );
    const named = textAt(objectAt(rule, 'package'), 'name');
    return [...parts, ...(named === '' ? [] : [`package ${named}`])].join(', ');
  });
  return oneLine(rules.filter((rule) => rule !== '').join('; ') || 'ignore rule of grype');
}

function finding(what: string, report: string, match: Fields, ignored: boolean): RawFinding {
  const vulnerability = objectAt(match, 'vulnerability');
  const artifact = objectAt(match, 'artifact');
  const id = advisoryId(textAt(vulnerability, 'id'));
  const name = textAt(artifact, 'name');
  if (id === '' || name === '') throw malformed(what, 'a match names no vulnerability or no package');
  const version = textAt(artifact, 'version');
  const named = namedPackage(textAt(artifact, 'purl'), textAt(artifact, 'type'), name, version);
  const fix = objectAt(vulnerability, 'fix');
  const state = textAt(fix, 'state');
  const fixState = (Object.hasOwn(FIX_STATES, state) ? FIX_STATES[state] : undefined) ?? 'unknown';
  // Versions stand there as well when the distribution will not have them.
  const fixedIn = fixState === 'wont-fix' || fixState === 'not-fixed' ? [] : textsAt(fix, 'versions');
  const path = textAt(fieldsOf(listAt(artifact, 'locations')[0]), 'path');
  const entries = [vulnerability, ...objectsAt(match, 'relatedVulnerabilities')];
  const { ids, mentions } = idsOf(vulnerability, match);
  return new RawRecord({
    source: new SourceRecord({
      name: SCANNER,
      id,
      severity: severityOfText(textAt(vulnerability, 'severity')),
      report,
      version,
      location: path === '' ? undefined : { path },
      suppressed: ignored ? ignoreReason(match) : undefined,
    }),
    ids,
    mentions,
    kind: id.startsWith('MAL-') ? 'malware' : 'vulnerability',
    purl: named.purl,
    ecosystem: named.ecosystem,
    inferred: named.inferred,
    name,
    version,
    fixedIn: fixedIn.length === 0 ? undefined : fixedIn,
    fixState,
    title: oneLine(
      textAt(vulnerability, 'description') ||
        textAt(fieldsOf(listAt(match, 'relatedVulnerabilities')[0]), 'description'),
    ),
    epss: epssOf(entries),
    exploited: exploitedOf(entries),
  });
}

/** Digests of an image that the scan was about: its manifest and the ones it was pulled by. */
export function imageDigests(...texts: readonly string[]): readonly Digest[] {
  const digests = texts.flatMap((text) => /sha256:[0-9a-f]{64}$/.exec(text)?.[0] ?? []);
  return unique(digests).map(parseDigest);
}

export function parseGrype(what: string, report: string, document: Fields): ParsedReport {
  const descriptor = objectAt(document, 'descriptor');
  const [matches, ignored] = [listAt(document, 'matches'), listAt(document, 'ignoredMatches')];
  if (matches.length + ignored.length > MAX_FINDINGS) throw tooLarge(what, `it has ${matches.length} matches`);
  const read = (list: readonly unknown[], isIgnored: boolean) =>
    list.map((entry, index) => {
      const match = fieldsOf(entry);
      if (match === undefined) throw malformed(what, `match ${index} is no object`);
      return finding(what, report, match, isIgnored);
    });
  const target = objectAt(objectAt(document, 'source'), 'target');
  const db = objectAt(descriptor, 'db');
  // Until 0.88 the members of `status` stood in `db` itself.
  const builtAt = textAt(objectAt(db, 'status'), 'built') || textAt(db, 'built');
  const createdAt = textAt(descriptor, 'timestamp');
  const scannerVersion = textAt(descriptor, 'version');
  return {
    format: 'grype',
    scanner: SCANNER,
    ...(scannerVersion === '' ? undefined : { scannerVersion }),
    kinds: ['sca'],
    findings: [...read(matches, false), ...read(ignored, true)],
    subjects: imageDigests(textAt(target, 'manifestDigest'), ...textsAt(target, 'repoDigests')),
    ...(createdAt === '' ? undefined : { createdAt }),
    ...(builtAt === '' ? undefined : { database: { builtAt } }),
  };
}

/** A score as a number or, as SARIF has it, as text. */
export function severityOfNumber(value: unknown): Severity | undefined {
  const score =
    typeof value === 'number'
      ? value
      : typeof value === 'string' && /^\d{1,2}(?:\.\d+)?$/.test(value)
        ? Number(value)
        : Number.NaN;
  return score >= 0 && score <= 10 ? severityOfScore(score) : undefined;
}
