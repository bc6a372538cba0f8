import { type Fields, numberAt, objectAt, objectsAt, oneLine, textAt, textsAt } from '../fields.js';
import { unique } from '../order.js';
import type { FindingLocation, RawFinding } from '../raw-finding.js';
import { type Severity, severityOfScore, severityOfWord, worst } from '../severity.js';
import { imageDigests } from './grype.js';
import { namedPackage } from './package-purl.js';
import { tooLarge } from './parse-bytes.js';
import { MAX_FINDINGS, malformed, type ParsedReport } from './parsed-report.js';

const MAX_DEPTH = 50;

/** The word of a rating before its score, because scanners grade by the distribution and quote the score of others. */
function severityOf(entry: Fields): Severity {
  const ratings = objectsAt(entry, 'ratings');
  const words = ratings.flatMap((rating) => severityOfWord(textAt(rating, 'severity')) ?? []);
  if (words.length > 0) return worst(words);
  const scores = ratings.flatMap((rating) => {
    const score = numberAt(rating, 'score');
    return textAt(rating, 'method').startsWith('CVSS') && score !== undefined && score <= 10
      ? [severityOfScore(score)]
      : [];
  });
  return worst(scores);
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

/** Fix versions as scanners write them into the recommendation, else nothing: prose is not read. */
function fixesOf(entry: Fields): readonly string[] {
  const listed = /^(?:Upgrade|Update) (?:[^\s:]+ )?to (?:version )?([\w.+~:-]+(?:, ?[\w.+~:-]+)*)\.?(?:;|$)/.exec(
    textAt(entry, 'recommendation'),
  );
  return (listed?.[1] ?? '').split(/, ?/).filter((text) => text !== '');
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
    const id = textAt(entry, 'id');
    if (id === '') throw malformed(what, 'a vulnerability has no id');
    const refs = unique(objectsAt(entry, 'affects').map((affected) => textAt(affected, 'ref')));
    const references = objectsAt(entry, 'references')
      .map((reference) => textAt(reference, 'id'))
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
      const fixedIn = fixesOf(entry);
      findings.push({
        source: {
          name: scanner.toLowerCase(),
          id,
          severity: severityOf(entry),
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
