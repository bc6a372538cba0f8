import { advisoryId } from '../advisory-id.js';
import { scoresOf } from '../cvss-scores.js';
import { type Fields, numberAt, objectAt, objectsAt, oneLine, textAt, textsAt } from '../fields.js';
import { unique } from '../order.js';
import type { FindingLocation, FindingSource, RawFinding } from '../raw-finding.js';
import { severityOfScore, severityOfWord, worst } from '../severity.js';
import { imageDigests } from './grype.js';
import { namedPackage } from './package-purl.js';
import { tooLarge } from './parse-bytes.js';
import { MAX_FINDINGS, malformed, type ParsedReport } from './parsed-report.js';

const MAX_DEPTH = 50;

/**
 * The word of a rating before its score, because scanners grade by the distribution and quote the score of others; vectors where there
 * is neither.
 */
function severityOf(entry: Fields): Pick<FindingSource, 'severity' | 'cvss'> {
  const ratings = objectsAt(entry, 'ratings');
  const words = ratings.flatMap((rating) => severityOfWord(textAt(rating, 'severity')) ?? []);
  if (words.length > 0) return { severity: worst(words) };
  const cvss = ratings.filter((rating) => textAt(rating, 'method').startsWith('CVSS'));
  const scores = cvss.flatMap((rating) => {
    const score = numberAt(rating, 'score');
    return score !== undefined && score >= 0 && score <= 10 ? [severityOfScore(score)] : [];
  });
  if (scores.length > 0) return { severity: worst(scores) };
  const own = scoresOf(cvss.map((rating) => textAt(rating, 'vector')));
  if (own.length === 0) return { severity: 'unknown' };
  return { severity: worst(own.map(({ score }) => severityOfScore(score))), cvss: own };
}

function componentsByRef(document: Fields): ReadonlyMap<string, Fields> {
  const refs = new Map<string, Fields>();
  let level: readonly Fields[] = [
    objectAt(objectAt(document, 'metadata'), 'component'),
    ...objectsAt(document, 'components'),
  ];
  for (let depth = 0; level.length > 0 && depth < MAX_DEPTH; depth++) {
    for (const component of level)
      if (textAt(component, 'bom-ref') !== '') refs.set(textAt(component, 'bom-ref'), component);
    level = level.flatMap((component) => objectsAt(component, 'components'));
  }
  return refs;
}

/** `purl` and the location that syft writes beside it. */
function packageAt(component: Fields | undefined, ref: string) {
  const name = [textAt(component, 'group'), textAt(component, 'name')].filter((part) => part !== '').join('/');
  const purl = textAt(component, 'purl') || (ref.startsWith('pkg:') ? ref : '');
  const property = (key: string) => objectsAt(component, 'properties').find((entry) => textAt(entry, 'name') === key);
  const type = textAt(property('syft:package:type'), 'value');
  const path = textAt(property('syft:location:0:path'), 'value');
  const location: FindingLocation | undefined = path === '' ? undefined : { path };
  return { name: name || ref, purl, type, version: textAt(component, 'version'), location };
}

/** Fix versions as scanners write them: ranges that are not affected (grype), or the recommendation; other prose is not read. */
function fixesOf(entry: Fields, ref: string): readonly string[] {
  const affected = objectsAt(entry, 'affects').filter((item) => textAt(item, 'ref') === ref);
  const ranges = affected
    .flatMap((item) => objectsAt(item, 'versions'))
    .filter((item) => textAt(item, 'status') === 'unaffected')
    .flatMap((item) => /^vers:[a-z0-9.-]+\/>=([^|<>=!*\s]+)$/.exec(textAt(item, 'range'))?.[1] ?? []);
  if (ranges.length > 0) return unique(ranges.map(decoded));
  const listed = /^(?:Upgrade|Update) (?:[^\s:]+ )?to (?:version )?([\w.+~:-]+(?:, ?[\w.+~:-]+)*)\.?(?:;|$)/.exec(
    textAt(entry, 'recommendation'),
  );
  return (listed?.[1] ?? '').split(/, ?/).filter((text) => text !== '');
}

/** A version in a range may be percent-encoded; one that is not well-formed stays as it is. */
function decoded(version: string): string {
  try {
    return decodeURIComponent(version);
  } catch {
    return version;
  }
}

/** Scores of FIRST and the catalogue of CISA, which grype writes as ratings of these sources. */
function feedsOf(entry: Fields, id: string): Pick<RawFinding, 'epss' | 'exploited'> {
  const from = (name: string) =>
    objectsAt(entry, 'ratings').find((rating) => textAt(objectAt(rating, 'source'), 'name') === name);
  const score = numberAt(from('FIRST'), 'score');
  const isListed = numberAt(from('CISA KEV Catalog'), 'score') === 1;
  return {
    // The percentile is not written down; what no rule asks for is said to be the least.
    ...(score === undefined || score < 0 || score > 1 ? {} : { epss: { score, percentile: 0 } }),
    ...(isListed ? { exploited: { cve: id, dateAdded: '', dueDate: '', ransomware: false } } : {}),
  };
}

const SUPPRESSING = new Set(['not_affected', 'false_positive', 'resolved', 'resolved_with_pedigree']);

/** One finding per entry and affected component. Analyses in it are the scanner's word; VEX has an input of its own. */
export function parseCycloneDxVulnerabilities(what: string, report: string, document: Fields): ParsedReport {
  const entries = objectsAt(document, 'vulnerabilities');
  const metadata = objectAt(document, 'metadata');
  const tools = [...objectsAt(metadata, 'tools'), ...objectsAt(objectAt(metadata, 'tools'), 'components')];
  const names = tools.map((tool) => textAt(tool, 'name')).filter((name) => name !== '');
  const scanner = oneLine(
    names.find((name) => /grype|trivy|osv|scout|snyk|xray|dependency/i.test(name)) ?? names[0] ?? 'cyclonedx',
    100,
  );
  const components = componentsByRef(document);
  const findings: RawFinding[] = [];
  for (const entry of entries) {
    const id = advisoryId(textAt(entry, 'id'));
    if (id === '') throw malformed(what, 'a vulnerability has no id');
    const refs = unique(objectsAt(entry, 'affects').map((affected) => textAt(affected, 'ref')));
    const references = objectsAt(entry, 'references')
      .map((reference) => advisoryId(textAt(reference, 'id')))
      .filter((other) => other !== '');
    const others = unique(references.filter((other) => other !== id));
    const ids =
      others.length === 1
        ? { ids: unique([id, ...others]) }
        : { ids: [id], ...(others.length === 0 ? {} : { mentions: others }) };
    const state = textAt(objectAt(entry, 'analysis'), 'state');
    const suppressed = SUPPRESSING.has(state)
      ? `analysis ${state}: ${oneLine(textAt(objectAt(entry, 'analysis'), 'justification') || 'no justification')}`
      : undefined;
    for (const ref of refs.length === 0 ? [''] : refs) {
      const { name, purl, type, version, location } = packageAt(components.get(ref), ref);
      const fixedIn = fixesOf(entry, ref);
      findings.push({
        source: {
          name: scanner.toLowerCase(),
          id,
          ...severityOf(entry),
          report,
          version,
          ...(location === undefined ? {} : { location }),
          ...(suppressed === undefined ? {} : { suppressed }),
        },
        ...ids,
        kind: id.startsWith('MAL-') ? 'malware' : 'vulnerability',
        ...(name === '' && purl === ''
          ? { ecosystem: '', identity: `vulnerability ${id}` }
          : namedPackage(purl, type, name, version)),
        name,
        version,
        ...(fixedIn.length === 0 ? {} : { fixedIn }),
        ...feedsOf(entry, id),
        title: oneLine(textAt(entry, 'description') || textAt(entry, 'detail')),
        direct: false,
        scope: 'runtime',
      });
    }
    if (findings.length > MAX_FINDINGS) throw tooLarge(what, `it has more than ${MAX_FINDINGS} vulnerabilities`);
  }
  const createdAt = textAt(metadata, 'timestamp');
  const main = objectAt(metadata, 'component');
  const hashes = objectsAt(main, 'hashes')
    .filter((hash) => textAt(hash, 'alg') === 'SHA-256')
    .map((hash) => `sha256:${textAt(hash, 'content')}`);
  return {
    format: 'cyclonedx',
    scanner,
    kinds: ['sca'],
    findings,
    subjects: imageDigests(textAt(main, 'version'), ...hashes, ...textsAt(main, 'digests')),
    ...(createdAt === '' ? {} : { createdAt }),
  };
}
