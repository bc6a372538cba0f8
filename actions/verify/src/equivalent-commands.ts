import { PREDICATE_TYPES, type PredicateSlot } from '@paved/attestation';
import { type Reference, referenceText } from '@paved/oci';
import type { TrustedRoot, VerifiedBundle } from '@paved/sigstore';
import type { Artifact } from './artifact.js';
import type { VerificationPolicy } from './verification-policy.js';
import type { ArtifactResult } from './verify-artifact.js';

const GITHUB = 'github.com';

/** Arguments of another verifier's command, its name first. */
export type Command = readonly string[];

/** Files that the commands name, written before they are printed. */
export interface CommandFiles {
  readonly trustedRoot: string;
  /** The same as JSON lines, as gh wants it. */
  readonly trustedRootLines: string;
  /** Bundle by its digest, for artifacts that are no image. */
  bundle(verified: VerifiedBundle): string;
}

/** A verified bundle and what it is about. */
interface Verified {
  readonly artifact: Artifact;
  readonly slot: PredicateSlot;
  readonly bundle: VerifiedBundle;
}

/**
 * What gh and cosign can check of the same question, one command each for every required slot. Neither compares the ids of repository
 * and owner, and cosign does not know the commit of the signing workflow: the commands are a second opinion, not the policy.
 */
export function equivalentCommands(
  { artifact, verified }: ArtifactResult,
  policy: VerificationPolicy,
  options: {
    readonly reference: Reference | undefined;
    readonly trustedRoot: TrustedRoot;
    readonly files: CommandFiles;
  },
): readonly Command[] {
  const { reference, files } = options;
  if (reference === undefined && artifact.path === undefined) return [];
  return policy.require.flatMap((slot) => {
    const bundle = verified.get(slot)?.find(({ content }) => content === 'dsse');
    if (bundle === undefined || !('identity' in bundle)) return [];
    const found: Verified = { artifact, slot, bundle };
    const gh = ghCanAnswer(bundle, options.trustedRoot) ? [ghCommand(found, reference, files)] : [];
    return [...gh, cosignCommand(found, options)];
  });
}

/**
 * gh knows github.com and its tenants alone, and wants a log entry wherever the trusted root names a log. A command that could only
 * refuse is no second opinion, so it is not printed.
 */
function ghCanAnswer({ identity, transparency }: VerifiedBundle, { material }: TrustedRoot): boolean {
  const host = hostOf(identity.sourceRepositoryUri);
  return (host === GITHUB || isTenant(host)) && (transparency === 'logged' || material.tlogs.length === 0);
}

function ghCommand(
  { artifact, slot, bundle }: Verified,
  reference: Reference | undefined,
  files: CommandFiles,
): Command {
  const what =
    reference === undefined
      ? [artifact.path ?? '', '--bundle', files.bundle(bundle)]
      : [`oci://${byDigest(reference)}`, '--bundle-from-oci'];
  const host = hostOf(bundle.identity.sourceRepositoryUri);
  return [
    'gh',
    'attestation',
    'verify',
    ...what,
    ...(isTenant(host) ? ['--hostname', host] : []),
    ...(artifact.digest.startsWith('sha512:') ? ['--digest-alg', 'sha512'] : []),
    ...['--repo', repositoryOf(bundle)],
    // Not --signer-workflow: gh takes that for the beginning of a pattern.
    ...['--cert-identity', bundle.identity.san],
    ...flag('--signer-digest', bundle.identity.buildSignerDigest),
    ...flag('--source-digest', bundle.identity.sourceRepositoryDigest),
    ...flag('--source-ref', bundle.identity.sourceRepositoryRef),
    ...['--cert-oidc-issuer', bundle.identity.issuer],
    ...(bundle.identity.runnerEnvironment === 'github-hosted' ? ['--deny-self-hosted-runners'] : []),
    ...['--predicate-type', PREDICATE_TYPES[slot]],
    ...['--custom-trusted-root', files.trustedRootLines],
  ];
}

function cosignCommand(
  { artifact, slot, bundle }: Verified,
  { reference, trustedRoot, files }: Parameters<typeof equivalentCommands>[2],
): Command {
  const isFile = reference === undefined;
  // An image signature is a statement as well, and has a command of its own.
  const isSignature = slot === 'signature' && !isFile;
  const { sourceRepositoryRef, sourceRepositoryDigest, buildTrigger } = bundle.identity;
  return [
    'cosign',
    isFile ? 'verify-blob-attestation' : isSignature ? 'verify' : 'verify-attestation',
    ...(isFile ? ['--bundle', files.bundle(bundle)] : []),
    ...(isSignature ? [] : ['--type', PREDICATE_TYPES[slot]]),
    ...['--certificate-identity', bundle.identity.san],
    ...['--certificate-oidc-issuer', bundle.identity.issuer],
    ...['--certificate-github-workflow-repository', repositoryOf(bundle)],
    ...flag('--certificate-github-workflow-ref', sourceRepositoryRef),
    ...flag('--certificate-github-workflow-sha', sourceRepositoryDigest),
    ...flag('--certificate-github-workflow-trigger', buildTrigger),
    ...['--trusted-root', files.trustedRoot],
    '--use-signed-timestamps',
    // As this verification does: the trusted root decides which proofs there can be.
    ...(trustedRoot.material.ctlogs.length === 0 ? ['--insecure-ignore-sct'] : []),
    ...(bundle.transparency === 'logged' ? [] : ['--insecure-ignore-tlog']),
    isFile ? (artifact.path ?? '') : byDigest(reference),
  ];
}

/** One line for a POSIX shell. A certificate's text is chosen by others: it is quoted, and never spans lines. */
export function shellText(command: Command): string {
  return command
    .map((word) => {
      const plain = word.replaceAll(/[^\x20-\x7e]/g, '?');
      return /^[A-Za-z0-9_@%+=:,./-]+$/.test(plain) ? plain : `'${plain.replaceAll("'", `'\\''`)}'`;
    })
    .join(' ');
}

function hostOf(url: string | undefined): string {
  return URL.canParse(url ?? '') ? new URL(url ?? '').host : '';
}

function isTenant(host: string): boolean {
  return host.endsWith('.ghe.com');
}

function repositoryOf({ identity }: VerifiedBundle): string {
  return URL.canParse(identity.sourceRepositoryUri ?? '')
    ? new URL(identity.sourceRepositoryUri ?? '').pathname.slice(1)
    : '';
}

function byDigest({ registry, repository, digest }: Reference): string {
  return referenceText({ registry, repository, ...(digest === undefined ? {} : { digest }) });
}

function flag(name: string, value: string | undefined): readonly string[] {
  return value === undefined ? [] : [name, value];
}
