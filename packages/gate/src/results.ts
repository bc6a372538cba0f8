export { matchesPattern } from './pattern.js';
export { type Annotation, annotationsOf, type ManifestText, workflowCommand } from './results/annotations.js';
export { BACKLOG_MEDIA_TYPE, type Backlog, buildBacklog } from './results/backlog.js';
export { catalogOwners } from './results/catalog-info.js';
export { CODEOWNERS_PATHS, type CodeOwners, matchesRule, ownersOf, parseCodeOwners } from './results/codeowners.js';
export { buildComment, COMMENT_LIMIT, type CommentOptions, commentMarker } from './results/comment.js';
export { type Coverage, type Metrics, measure, metricsChart, type Observation } from './results/metrics.js';
export {
  deduplicationKey,
  type IssueRequest,
  issueRequest,
  type JiraPayload,
  jiraPayload,
  type NotificationContext,
  type SlackPayload,
  slackPayload,
} from './results/notifications.js';
export { cosignVulnPredicate, VULNS_PREDICATE_TYPE, vulnsPredicates } from './results/predicates.js';
export { parseReported, type Reported, type ReportedFinding } from './results/reported.js';
export { oneLine, plainReason } from './results/words.js';
export { SARIF_LIMITS, type SarifOptions, type SarifResult, writeSarif } from './results/write-sarif.js';
export { SEVERITIES, type Severity } from './severity.js';
