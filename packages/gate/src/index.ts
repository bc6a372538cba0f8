export { assertFresh, parseTime } from './age.js';
export { groupByAliases } from './alias-groups.js';
export { cvss3BaseScore, cvssBaseScore } from './cvss.js';
export {
  countBySeverity,
  type Decision,
  type DecisionInput,
  decide,
  type RuleResult,
  type Unchecked,
  type UncheckedResult,
} from './decide.js';
export { type EpssScores, parseEpss } from './epss.js';
export { GateError, type GateErrorCode } from './error.js';
export { assertOwners, ownersOfCodeowners } from './exception-owners.js';
export { EXPIRY_WARNING_DAYS, type ExceptionReport } from './exceptions.js';
export { EXPLANATION_MEDIA_TYPE, type ExplainedFinding, type Explanation, explain } from './explain.js';
export {
  type Finding,
  type FindingPackage,
  isBlocking,
  type MergedFinding,
  type Relation,
  type Suppression,
} from './finding.js';
export { type FirstSeen, firstSeenOf } from './first-seen.js';
export { type DependencyGraph, type FixAdvice, fixAdvice, graphOfCycloneDx } from './fix-advice.js';
export { compareGoVersions } from './go-version.js';
export {
  INSPECTION_FILE,
  INSPECTION_MEDIA_TYPE,
  type InspectedDatabase,
  type InspectedReport,
  type Inspection,
  parseInspection,
} from './inspection.js';
export { type KevCatalogue, type KevEntry, parseKev } from './kev.js';
export {
  isDenied,
  isSatisfied,
  type LicenceExpression,
  parseLicenceExpression,
} from './licence-expression.js';
export { licenceFindings } from './licence-findings.js';
export { ecosystemsOf, isRecordFor, matchOsv, OsvIndex, type OsvMatches, packageKeys } from './match-osv.js';
export { mergeFindings } from './merge-findings.js';
export { mergeFloor } from './merge-floor.js';
export { type OsvRecord, parseOsvRecord, severityOf } from './osv-record.js';
export { type OsvReport, parseOsvReport, type ReportCounts } from './osv-report.js';
export { parsePolicy } from './parse-policy.js';
export {
  type Action,
  DEFAULT_POLICY,
  type Mode,
  type Policy,
  type PolicyException,
  REPORT_KINDS,
  type ReportKind,
  type RuleId,
  type Threshold,
  type VexSigner,
  vexSignerKey,
} from './policy.js';
export {
  type CvssScore,
  type Epss,
  FINDING_KINDS,
  type FindingKind,
  type FindingLocation,
  type FindingSource,
  type RawFinding,
} from './raw-finding.js';
export { MAX_REPORT_BYTES } from './reports/parse-bytes.js';
export { parseReport } from './reports/parse-report.js';
export type { ParsedReport, ReportFormat } from './reports/parsed-report.js';
export { licenceState } from './rulings.js';
export {
  parseScans,
  SCANS_FILE,
  SCANS_MEDIA_TYPE,
  type ScanDatabase,
  type ScanRecord,
  type Scans,
} from './scan-record.js';
export { SEVERITIES, type Severity } from './severity.js';
export { assertDescribes } from './subjects.js';
export { thresholdTable } from './threshold-table.js';
export {
  buildVerdict,
  type DatabaseUsed,
  type DocumentUsed,
  type PolicyUsed,
  VERDICT_MEDIA_TYPE,
  type Verdict,
  type VerdictContext,
  type VerdictCounts,
} from './verdict.js';
export { versionOrder } from './version-order.js';
export { parseVex } from './vex/parse-vex.js';
export { purlMatches } from './vex/purl-matches.js';
export type { VexDocument } from './vex/vex-document.js';
export {
  coversPackage,
  type VexContext,
  VexIndex,
  type VexProduct,
  type VexReport,
  type VexSignature,
  type VexStatement,
  type VexStatus,
} from './vex/vex-index.js';
