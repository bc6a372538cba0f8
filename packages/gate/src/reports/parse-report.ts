import { GateError } from '../error.js';
import { type Fields, fieldsOf } from '../fields.js';
import { readOsvReport } from '../osv-report.js';
import { parseCycloneDxVulnerabilities } from './cyclonedx-vulnerabilities.js';
import { parseGrype } from './grype.js';
import { parseBytes } from './parse-bytes.js';
import type { ParsedReport } from './parsed-report.js';
import { parseSarif } from './sarif.js';
import { parseTrivy } from './trivy.js';

function unsupported(what: string, format: string): GateError {
  return new GateError('REPORT_UNSUPPORTED', `Cannot read report ${what}: it is ${format}`, {
    hint: 'Give JSON of grype, trivy or osv-scanner, SARIF, or CycloneDX with vulnerabilities',
  });
}

/** The format is told by what is in the document; names of files say nothing. */
function read(what: string, name: string, value: unknown): ParsedReport {
  if (Array.isArray(value)) {
    const isTrivy = value.length > 0 && value.every((entry) => typeof fieldsOf(entry)?.Target === 'string');
    if (isTrivy) return parseTrivy(what, name, value);
    throw unsupported(what, 'a list that no known scanner writes');
  }
  const document = fieldsOf(value);
  if (document === undefined) throw unsupported(what, 'no object: it names no scanner, so it is no answer');
  if (Array.isArray(document.runs)) return parseSarif(what, name, document);
  if (isGrypeDocument(document)) return parseGrype(what, name, document);
  if (isTrivyDocument(document)) return parseTrivy(what, name, document);
  if (Array.isArray(document.results)) return readOsvReport(what, name, document);
  if (document.bomFormat === 'CycloneDX') {
    if (Array.isArray(document.vulnerabilities)) return parseCycloneDxVulnerabilities(what, name, document);
    throw unsupported(what, 'an SBOM without vulnerabilities: give it as sboms');
  }
  throw refused(what, document);
}

/** Without its descriptor only matches tell it: an empty list of something is no answer. */
function isGrypeDocument({ matches, descriptor }: Fields): boolean {
  if (!Array.isArray(matches)) return false;
  const first = fieldsOf(matches[0]);
  return (
    fieldsOf(descriptor) !== undefined || (fieldsOf(first?.vulnerability) && fieldsOf(first?.artifact)) !== undefined
  );
}

function isTrivyDocument(document: Fields): boolean {
  if (document.SchemaVersion === 2 && typeof document.ArtifactName === 'string') return true;
  const isCluster = typeof document.ClusterName === 'string';
  return isCluster && ['Resources', 'Vulnerabilities', 'Misconfigurations'].some((key) => Array.isArray(document[key]));
}

/** Says what it is instead, because "malformed" would send its author looking in the wrong place. */
function refused(what: string, document: Fields): GateError {
  if ('spdxVersion' in document) return unsupported(what, 'an SBOM: give it as sboms');
  if ('payloadType' in document || '_type' in document) return unsupported(what, 'a statement or a signed envelope');
  const context = JSON.stringify(document['@context'] ?? '').slice(0, 200);
  if (context.includes('openvex')) return unsupported(what, 'OpenVEX: give it as vex');
  if ('SchemaVersion' in document) return unsupported(what, 'JSON of trivy in a schema that is not known');
  return new GateError('REPORT_MALFORMED', `Cannot read report ${what}: no known scanner writes it`, {
    hint: 'It may be cut off, or an error message of the scanner; look at its log',
  });
}

/**
 * Reads one report of any supported scanner: grype JSON, trivy JSON, osv-scanner JSON, SARIF 2.1.0, CycloneDX with vulnerabilities.
 * @param name how findings refer to the report
 * @throws {GateError} `REPORT_EMPTY`, `REPORT_MALFORMED`, `REPORT_TOO_LARGE`, `REPORT_UNSUPPORTED`
 */
export function parseReport(name: string, bytes: Uint8Array): ParsedReport {
  const what = `"${name}"`;
  return read(what, name, parseBytes(what, bytes));
}
