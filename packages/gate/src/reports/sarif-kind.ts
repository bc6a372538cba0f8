import { advisoryId } from '../advisory-id.js';
import type { ReportKind } from '../policy.js';
import type { FindingKind } from '../raw-finding.js';

/** Which tools report what, by the name of the driver. The first that matches counts. */
const TOOLS: readonly (readonly [RegExp, FindingKind, ReportKind | undefined])[] = [
  [/^paved-rules$/, 'policy', 'policy'],
  // The word of the machine that ran user code: it adds findings, and is never the report that a policy requires.
  [/^paved-image-rules$/, 'misconfiguration', undefined],
  [/^paved-application-test$/, 'misconfiguration', undefined],
  // Commits and workflows: neither static analysis of code nor of infrastructure.
  [/^paved-checks$/, 'misconfiguration', undefined],
  [/gitleaks|trufflehog|detect-?secrets|ggshield|gitguardian|whispers|secret/i, 'secret', 'secrets'],
  [/\bzap\b|zaproxy|burp|nuclei|dastardly|stackhawk|wapiti/i, 'dast', 'dast'],
  [
    /checkov|tfsec|terrascan|kics|hadolint|dockle|kube-?linter|kube-?score|kubesec|polaris|conftest|cfn|cdk-?nag|ansible|regula|zizmor|poutine|snyk iac/i,
    'misconfiguration',
    'iac',
  ],
  [
    /grype|trivy|osv-?scanner|snyk (?:open source|container)|dependency-?check|docker ?scout|black ?duck|xray|anchore/i,
    'vulnerability',
    'sca',
  ],
];

const ADVISORY = /^(?:CVE-\d{4}-\d{4,19}|GHSA(?:-[0-9a-z]{4}){3}|(?:GO|RUSTSEC|PYSEC|MAL|OSV)-[\w-]+|SNYK-[\w-]+)/i;

export interface SarifKind {
  readonly kind: FindingKind;
  /** The required report that it counts as, if any. */
  readonly report: ReportKind | undefined;
}

/** What a tool of this name is for; static analysis when nobody knows it. */
export function kindOfTool(name: string): SarifKind {
  const entry = TOOLS.find(([pattern]) => pattern.test(name));
  return entry === undefined ? { kind: 'sast', report: 'sast' } : { kind: entry[1], report: entry[2] };
}

const TRIVY_RULES: Readonly<Record<string, FindingKind>> = {
  OsPackageVulnerability: 'vulnerability',
  LanguageSpecificPackageVulnerability: 'vulnerability',
  Misconfiguration: 'misconfiguration',
  Secret: 'secret',
  License: 'licence',
};

/** One tool may report several kinds: trivy names them in its rules, others by the id of an advisory. */
export function kindOfResult(tool: SarifKind, ruleId: string, ruleName: string): FindingKind {
  const named = Object.hasOwn(TRIVY_RULES, ruleName) ? TRIVY_RULES[ruleName] : undefined;
  if (named !== undefined) return named;
  if (ADVISORY.test(ruleId)) return tool.kind === 'secret' ? 'secret' : 'vulnerability';
  return tool.kind;
}

/** The advisory's id at the beginning of a rule id: grype appends the package. */
export function advisoryOf(ruleId: string): string {
  const [id] = /^(?:CVE-\d{4}-\d{4,19}|GHSA(?:-[0-9a-z]{4}){3}|(?:GO|RUSTSEC|PYSEC)-\d{4}-\d+)/i.exec(ruleId) ?? [];
  return advisoryId(id ?? ruleId);
}
