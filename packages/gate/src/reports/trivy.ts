import { advisoryId } from '../advisory-id.js';
import { type Fields, fieldsOf, listAt, numberAt, objectAt, objectsAt, oneLine, textAt, textsAt } from '../fields.js';
import type { Given } from '../finding-record.js';
import type { ReportKind } from '../policy.js';
import type { FindingKind, FindingLocation, RawFinding } from '../raw-finding.js';
import { RawRecord, SourceRecord } from '../raw-record.js';
import { imageDigests, severityOfText } from './grype.js';
import { namedPackage } from './package-purl.js';
import { tooLarge } from './parse-bytes.js';
import { MAX_FINDINGS, malformed, type ParsedReport } from './parsed-report.js';

const SCANNER = 'trivy';

/** What the reader of one list knows: which report, and which target of the scan. */
interface Place {
  readonly what: string;
  readonly report: string;
  readonly target: string;
  readonly type: string;
}

type Extra = Given<Pick<RawFinding, 'ids' | 'kind' | 'title'> & Partial<Omit<RawFinding, 'source'>>>;

function raw(place: Place, entry: Fields, id: string, location: FindingLocation | undefined, extra: Extra): RawFinding {
  if (id === '') throw malformed(place.what, `a finding in "${place.target.slice(0, 60)}" has no id`);
  const { ids, kind, purl, ecosystem = '', inferred, name = '', version, fixedIn, fixState } = extra;
  const source = new SourceRecord({
    name: SCANNER,
    id,
    severity: severityOfText(textAt(entry, 'Severity')),
    report: place.report,
    version,
    location,
  });
  const { title, identity, licence } = extra;
  return new RawRecord({
    source,
    ids,
    kind,
    purl,
    ecosystem,
    inferred,
    name,
    version: version ?? '',
    fixedIn,
    fixState,
    title,
    identity,
    licence,
  });
}

function vulnerability(place: Place, entry: Fields): RawFinding {
  const id = advisoryId(textAt(entry, 'VulnerabilityID'));
  const name = textAt(entry, 'PkgName');
  const version = textAt(entry, 'InstalledVersion');
  if (name === '') throw malformed(place.what, `vulnerability "${id.slice(0, 60)}" names no package`);
  const fixedIn = textAt(entry, 'FixedVersion')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
  const named = namedPackage(textAt(objectAt(entry, 'PkgIdentifier'), 'PURL'), place.type, name, version);
  const status = textAt(entry, 'Status');
  const path = textAt(entry, 'PkgPath') || place.target;
  return raw(place, entry, id, path === '' ? undefined : { path }, {
    ids: [id],
    kind: id.startsWith('MAL-') ? 'malware' : 'vulnerability',
    purl: named.purl,
    ecosystem: named.ecosystem,
    inferred: named.inferred,
    name,
    version,
    fixedIn: fixedIn.length === 0 ? undefined : fixedIn,
    fixState:
      status === 'fixed'
        ? 'fixed'
        : status === 'will_not_fix'
          ? 'wont-fix'
          : status === 'affected'
            ? 'not-fixed'
            : 'unknown',
    title: oneLine(textAt(entry, 'Title') || textAt(entry, 'Description')),
  });
}

/** Findings without a package are the same when rule and place are. */
function placed(kind: FindingKind, id: string, path: string, line: number | undefined): string {
  return `${kind} ${SCANNER} ${id} ${path} ${line ?? ''}`;
}

function misconfiguration(place: Place, entry: Fields): RawFinding {
  const id = textAt(entry, 'AVDID') || textAt(entry, 'ID');
  const cause = objectAt(entry, 'CauseMetadata');
  const line = numberAt(cause, 'StartLine');
  const message = textAt(entry, 'Message');
  const location = { path: place.target, ...(line === undefined || line < 1 ? undefined : { line }) };
  return raw(place, entry, id, location, {
    ids: [id],
    kind: 'misconfiguration',
    title: oneLine(textAt(entry, 'Title') || message),
    identity: `${placed('misconfiguration', id, place.target, line)} ${textAt(cause, 'Resource')} ${message}`.slice(
      0,
      500,
    ),
  });
}

/** The rule and the place only: `Match` and `Code` quote the neighbourhood of the secret, sometimes the secret. */
function secret(place: Place, entry: Fields): RawFinding {
  const id = textAt(entry, 'RuleID');
  const line = numberAt(entry, 'StartLine');
  const location = { path: place.target, ...(line === undefined || line < 1 ? undefined : { line }) };
  return raw(place, entry, id, location, {
    ids: [id],
    kind: 'secret',
    title: oneLine(textAt(entry, 'Title') || id),
    identity: placed('secret', id, place.target, line),
  });
}

function licence(place: Place, entry: Fields): RawFinding {
  const id = textAt(entry, 'Name');
  const name = textAt(entry, 'PkgName');
  const path = textAt(entry, 'FilePath') || place.target;
  const type = place.target === 'OS Packages' ? '' : place.type;
  const named = name === '' ? {} : namedPackage('', type, name, '');
  return raw(
    place,
    entry,
    id,
    { path },
    {
      ids: [id],
      kind: 'licence',
      ...named,
      name,
      title: oneLine(`licence ${id} (${textAt(entry, 'Category') || 'not classified'})`),
      licence: id,
      identity: `licence ${SCANNER} ${id} ${name} ${path}`,
    },
  );
}

const READERS: readonly (readonly [string, (place: Place, entry: Fields) => RawFinding])[] = [
  ['Vulnerabilities', vulnerability],
  ['Misconfigurations', misconfiguration],
  ['Secrets', secret],
  ['Licenses', licence],
];
const MODIFIED: Readonly<Record<string, (place: Place, entry: Fields) => RawFinding>> = {
  vulnerability,
  misconfiguration,
  secret,
  license: licence,
};

/** What an ignore file or a VEX document given to the scanner took out (`--show-suppressed`). */
function modified(place: Place, entry: Fields): RawFinding {
  const type = textAt(entry, 'Type');
  const read = (Object.hasOwn(MODIFIED, type) ? MODIFIED[type] : undefined) ?? vulnerability;
  const found = read(place, objectAt(entry, 'Finding'));
  const words = [textAt(entry, 'Status'), textAt(entry, 'Statement'), textAt(entry, 'Source')];
  const suppressed = oneLine(words.filter((word) => word !== '').join(': ') || 'left out by trivy');
  return { ...found, source: { ...found.source, suppressed } };
}

function fromResult(what: string, report: string, result: Fields): readonly RawFinding[] {
  const place = { what, report, target: textAt(result, 'Target'), type: textAt(result, 'Type') };
  const found: RawFinding[] = [];
  for (const [key, read] of READERS) {
    // One after the other: entries of a long list are parsed when they are read.
    for (const item of listAt(result, key)) {
      const entry = fieldsOf(item);
      if (entry === undefined || isPassed(key, entry)) continue;
      found.push(excepted(read(place, entry), entry));
    }
  }
  for (const entry of objectsAt(result, 'ExperimentalModifiedFindings')) found.push(modified(place, entry));
  return found;
}

/** A passed check of a policy is listed beside the failed and the excepted ones. */
function isPassed(key: string, entry: Fields): boolean {
  return key === 'Misconfigurations' && !['', 'FAIL', 'EXCEPTION'].includes(textAt(entry, 'Status'));
}

function excepted(found: RawFinding, entry: Fields): RawFinding {
  if (textAt(entry, 'Status') !== 'EXCEPTION') return found;
  return { ...found, source: { ...found.source, suppressed: 'exception of the policy that trivy was given' } };
}

const KIND_OF_CLASS: Readonly<Record<string, ReportKind>> = {
  'os-pkgs': 'sca',
  'lang-pkgs': 'sca',
  config: 'iac',
  secret: 'secrets',
  license: 'licences',
  'license-file': 'licences',
};

/** Results of a scan, of each resource of a cluster, or (schema 1) the document itself. */
function resultsOf(document: Fields | readonly unknown[]): readonly Fields[] {
  if (Array.isArray(document)) return document.map(fieldsOf).filter((entry) => entry !== undefined);
  const fields = document as Fields;
  const resources = ['Resources', 'Vulnerabilities', 'Misconfigurations'].flatMap((key) => objectsAt(fields, key));
  return [...objectsAt(fields, 'Results'), ...resources.flatMap((resource) => objectsAt(resource, 'Results'))];
}

export function parseTrivy(what: string, report: string, document: Fields | readonly unknown[]): ParsedReport {
  const results = resultsOf(document);
  const size = results.reduce(
    (sum, result) => sum + READERS.reduce((all, [key]) => all + listAt(result, key).length, 0),
    0,
  );
  if (size > MAX_FINDINGS) throw tooLarge(what, `it has ${size} findings`);
  const fields = Array.isArray(document) ? undefined : (document as Fields);
  const metadata = objectAt(fields, 'Metadata');
  const kinds = results.flatMap((result) => {
    const name = textAt(result, 'Class');
    return (Object.hasOwn(KIND_OF_CLASS, name) ? KIND_OF_CLASS[name] : undefined) ?? [];
  });
  const createdAt = textAt(fields, 'CreatedAt');
  const scannerVersion = textAt(objectAt(fields, 'Trivy'), 'Version');
  return {
    format: 'trivy',
    scanner: SCANNER,
    ...(scannerVersion === '' ? undefined : { scannerVersion }),
    // Nothing found is written as nothing at all: a scan without results is one for packages, which is what it does unasked.
    kinds: kinds.length === 0 ? ['sca'] : [...new Set(kinds)],
    findings: results.flatMap((result) => fromResult(what, report, result)),
    subjects: imageDigests(...textsAt(metadata, 'RepoDigests')),
    ...(createdAt === '' ? undefined : { createdAt }),
  };
}
