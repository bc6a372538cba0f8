import { byText, unique } from '../order.js';
import type { Reported, ReportedFinding } from './reported.js';

/** in-toto attestation "vulns" v0.2; JSON names are camelCase. One scanner a statement. */
export const VULNS_PREDICATE_TYPE = 'https://in-toto.io/attestation/vulns/v0.2';

const SCANNER_URIS: Readonly<Record<string, string>> = {
  grype: 'https://github.com/anchore/grype',
  trivy: 'https://github.com/aquasecurity/trivy',
  'osv-scanner': 'https://github.com/google/osv-scanner',
  osv: 'https://osv.dev',
};

interface ScannerFacts {
  readonly name: string;
  readonly uri: string;
  readonly database?: { readonly uri?: string; readonly lastUpdate: string };
  readonly startedOn: string;
  readonly finishedOn: string;
}

/** Facts of the report; a time that no document states is the one at which the gate looked, which is never earlier. */
function factsOf(verdict: Reported, name: string): ScannerFacts {
  const report = verdict.documents.find(({ scanner }) => scanner === name);
  const own = verdict.databases.filter(({ kind }) => kind === 'osv');
  const oldest = [...own].sort((a, b) => byText(a.modifiedAt, b.modifiedAt))[0];
  const database =
    report?.databaseBuiltAt !== undefined
      ? { lastUpdate: report.databaseBuiltAt }
      : name === 'osv' && oldest !== undefined
        ? { uri: oldest.source, lastUpdate: oldest.modifiedAt }
        : undefined;
  const at = report?.createdAt ?? verdict.at;
  const known = Object.hasOwn(SCANNER_URIS, name) ? SCANNER_URIS[name] : undefined;
  const uri = known ?? `urn:paved:scanner:${encodeURIComponent(name.toWellFormed())}`;
  return { name, uri, ...(database === undefined ? {} : { database }), startedOn: at, finishedOn: at };
}

function resultsOf(findings: readonly ReportedFinding[], scanner: string) {
  const results = findings.flatMap((finding) => {
    const own = finding.sources.filter(({ name }) => name === scanner);
    return unique(own.map(({ id }) => id)).map((id) => ({
      id,
      severity: unique(own.filter((source) => source.id === id).map(({ severity }) => severity)).map((score) => ({
        method: 'paved-words',
        score,
      })),
      annotations: [
        {
          package: finding.package?.purl ?? '',
          status: finding.status,
          ...(finding.fixedIn.length === 0 ? {} : { fixedIn: finding.fixedIn.join(', ') }),
        },
      ],
    }));
  });
  return results.sort((a, b) =>
    byText(`${a.id}\0${a.annotations[0]?.package}`, `${b.id}\0${b.annotations[0]?.package}`),
  );
}

/**
 * One predicate per scanner that was asked, also for one that found nothing: that it looked is the statement. A scanner without a
 * stated database time has no `db.lastUpdate` of ours: it is left out, never guessed.
 */
export function vulnsPredicates(
  verdict: Reported,
): readonly { readonly scanner: string; readonly predicate: object }[] {
  const vulnerabilities = verdict.findings.filter(({ kind }) => kind === 'vulnerability' || kind === 'malware');
  const asked = verdict.documents.map(({ scanner }) => scanner).filter((scanner) => scanner !== undefined);
  const own = verdict.databases.some(({ kind }) => kind === 'osv') ? ['osv'] : [];
  const found = vulnerabilities.flatMap(({ sources }) => sources.map(({ name }) => name));
  return unique([...asked, ...own, ...found]).map((name) => {
    const facts = factsOf(verdict, name);
    return {
      scanner: name,
      predicate: {
        scanner: {
          uri: facts.uri,
          ...(facts.database === undefined ? {} : { db: facts.database }),
          result: resultsOf(vulnerabilities, name),
        },
        metadata: { scanStartedOn: facts.startedOn, scanFinishedOn: facts.finishedOn },
      },
    };
  });
}

/** cosign's vulnerability predicate (`https://cosign.sigstore.dev/attestation/vuln/v1`), as its code has it: one `scanner`. */
export function cosignVulnPredicate(
  verdict: Reported,
  scanner: string,
  invocation: { readonly uri: string; readonly eventId: string; readonly builderId: string },
): object {
  const facts = factsOf(verdict, scanner);
  return {
    invocation: {
      parameters: null,
      uri: invocation.uri,
      event_id: invocation.eventId,
      'builder.id': invocation.builderId,
    },
    scanner: {
      uri: facts.uri,
      version: '',
      db: { uri: facts.database?.uri ?? '', version: facts.database?.lastUpdate ?? '' },
      result: resultsOf(verdict.findings, scanner),
    },
    metadata: { scanStartedOn: facts.startedOn, scanFinishedOn: facts.finishedOn },
  };
}
