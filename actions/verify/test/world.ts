import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  buildStatement,
  encodeStatement,
  PREDICATE_TYPES,
  type PredicateSlot,
  RELEASE_ARTIFACT_BUILD_TYPE,
} from '@paved/attestation';
import { type Digest, digestHex, sha256 } from '@paved/digest';
import { HttpClient } from '@paved/http';
import {
  attachReferrers,
  buildArtifactLayout,
  buildBundleReferrer,
  bytesSource,
  EMPTY_CONFIG,
  EMPTY_CONFIG_BYTES,
  manifestDescriptor,
  OCI_INDEX,
  OCI_MANIFEST,
  openLayout,
  parseManifest,
  parseRegistryHost,
  parseRepositoryName,
  parseTag,
  pushContent,
  RegistryClient,
  type RepositoryClient,
} from '@paved/oci';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { openSigningSession } from '@paved/sigstore';
import {
  type GitHubClaimsOptions,
  githubClaims,
  type RegistryDouble,
  type RegistryOptions,
  type Sigstore,
  type StartSigstoreOptions,
  startIssuer,
  startRegistry,
  startSigstore,
} from '@paved/testkit';
import { legacyAttestation } from '../../sign/src/legacy-layers.js';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';
import type { Verification } from '../src/verification.js';

export const WORKFLOW = 'org/paved/.github/workflows/release-artifact.yml';
export const SIGNER = 'c'.repeat(40);
export const NAME = 'acme/widget/widget';
const CLAIMS: GitHubClaimsOptions = { jobWorkflowRef: `${WORKFLOW}@refs/tags/v1`, jobWorkflowSha: SIGNER };
const COMMIT = githubClaims().sha ?? '';
const RUN = `https://github.com/acme/widget/actions/runs/${githubClaims().run_id}/attempts/1`;

export type Json = Record<string, unknown>;

/** Predicates of an honest release of `digest`. */
export function honest(digest: Digest): Record<Exclude<PredicateSlot, 'vsa'>, Json> {
  return {
    provenance: {
      buildDefinition: {
        buildType: RELEASE_ARTIFACT_BUILD_TYPE,
        externalParameters: {
          source: { repository: 'https://github.com/acme/widget', ref: 'refs/heads/main' },
          workflow: { repository: 'https://github.com/acme/widget', path: 'release.yml', ref: 'refs/heads/main' },
          inputs: { command: 'npm pack' },
        },
        internalParameters: {
          selfHostedAllowed: false,
          jobs: [{ name: 'release / build', conclusion: 'success', runner_group_name: 'GitHub Actions' }],
          isolation: { method: 'user-namespace', hermetic: true },
          vouchers: {
            '/buildDefinition/internalParameters/isolation': 'build',
            '/buildDefinition/internalParameters/jobs': 'api',
            '/buildDefinition/externalParameters/inputs': 'seal',
            '/runDetails/builder/id': 'oidc',
          },
        },
        resolvedDependencies: [
          { uri: 'git+https://github.com/acme/widget@refs/heads/main', digest: { gitCommit: COMMIT } },
        ],
      },
      runDetails: {
        builder: { id: `https://github.com/${WORKFLOW}@refs/tags/v1`, version: { workflow: SIGNER } },
        metadata: { invocationId: RUN },
      },
    },
    'sbom-cyclonedx': { bomFormat: 'CycloneDX', specVersion: '1.6' },
    'sbom-spdx': { spdxVersion: 'SPDX-2.3' },
    verdict: { verdict: 'pass', subject: { name: 'widget', digest }, files: [] },
    signature: {},
  };
}

export interface World {
  readonly identity: Readonly<Record<string, string>>;
  readonly trustedRoot: string;
  readonly sigstore: Sigstore;
  sign(slot: PredicateSlot, predicate: unknown, digest: Digest, claims?: GitHubClaimsOptions): Promise<string>;
  /** Signs whatever bytes as the payload of an envelope. */
  signPayload(payload: Uint8Array, claims?: GitHubClaimsOptions, transparency?: 'required' | 'off'): Promise<string>;
  signBlob(bytes: Uint8Array, transparency: 'required' | 'off'): Promise<string>;
  /** The layer of an `.att` tag as `sign` writes it without a log: the timestamp is about the whole envelope. */
  signLegacy(payload: Uint8Array, predicateType: string): Promise<LegacyLayer>;
  close(): Promise<void>;
}

/** A Sigstore instance on loopback, and who may sign. */
export async function startWorld(options: Omit<StartSigstoreOptions, 'issuer'> = {}): Promise<World> {
  const issuer = await startIssuer();
  const sigstore = await startSigstore({ issuer, ...options });
  const http = new HttpClient();
  const open = (claims: GitHubClaimsOptions, transparency: 'required' | 'off') =>
    openSigningSession({
      fulcioUrl: sigstore.fulcioUrl,
      ...(transparency === 'off' ? {} : { rekorUrl: sigstore.rekorUrl }),
      tsaUrl: sigstore.tsaUrl,
      transparency,
      http,
      idToken: () => issuer.sign(githubClaims({ ...CLAIMS, ...claims }), { audience: 'sigstore' }),
    });
  async function signPayload(
    payload: Uint8Array,
    claims: GitHubClaimsOptions = {},
    transparency: 'required' | 'off' = 'required',
  ): Promise<string> {
    const session = await open(claims, transparency);
    const { json } = await session.signStatement(payload);
    session.close();
    return json;
  }
  return {
    sigstore,
    signPayload,
    async signBlob(bytes, transparency) {
      const session = await open({}, transparency);
      const { json } = await session.signBlob(bytes);
      session.close();
      return json;
    },
    async signLegacy(payload, predicateType) {
      const session = await open({}, 'off');
      const signed = await session.signStatement(payload);
      const layer = await legacyAttestation(signed, predicateType, (bytes) => session.timestamp(bytes));
      session.close();
      return layer;
    },
    trustedRoot: sigstore.trustedRoot,
    identity: {
      'trusted-root': sigstore.trustedRoot,
      issuer: issuer.url,
      'workflow-path': WORKFLOW,
      'signer-digests': SIGNER,
      'repository-id': '900100',
      'owner-id': '800200',
      'source-ref': 'refs/heads/main',
    },
    async sign(slot, predicate, digest, claims = {}) {
      const subjects = [{ name: 'widget', digest: { sha256: digestHex(digest) } }];
      const statement = buildStatement({ predicateType: PREDICATE_TYPES[slot], subjects, predicate });
      return await signPayload(encodeStatement(statement), claims);
    },
    async close() {
      http.close();
      await Promise.all([sigstore.close(), issuer.close()]);
    },
  };
}

export interface Bench {
  readonly kit: TestContext;
  readonly registry: RegistryDouble;
  readonly digest: Digest;
  readonly reference: string;
  /** Pushes the artifact with `bundles` as referrers. */
  push(bundles: readonly string[], tag?: string): Promise<void>;
  /** Pushes an index of `digests` and returns its digest. */
  pushIndex(digests: readonly Digest[]): Promise<Digest>;
  /** Pushes a manifest and its layers, as cosign's older releases stored signatures. */
  pushLegacy(tag: string, layers: readonly LegacyLayer[]): Promise<void>;
  attach(subject: Digest, bundles: readonly string[]): Promise<void>;
  verify(inputs?: Readonly<Record<string, string>>): Promise<Outcome>;
  dispose(): Promise<void>;
}

export interface LegacyLayer {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Outcome {
  readonly outputs: Readonly<Record<string, string | undefined>>;
  readonly error: unknown;
}

/** A job and a registry with one artifact of one file. */
export async function startBench(world: Pick<World, 'identity'>, options: RegistryOptions = {}): Promise<Bench> {
  const [kit, registry] = [await testContext({ action: 'verify' }), await startRegistry(options)];
  const file = join(kit.workspace, 'widget.tgz');
  await writeFile(file, 'the widget');
  const folder = await mkdtemp(join(kit.temp, 'layout-'));
  await mkdir(folder, { recursive: true });
  const { digest } = await buildArtifactLayout(
    [{ path: file, name: 'widget.tgz' }],
    { artifactType: 'application/vnd.paved.files.v1' },
    folder,
  );
  const reference = `${registry.host}/${NAME}@${digest}`;
  return {
    kit,
    registry,
    digest,
    reference,
    async push(bundles, tag) {
      const layout = await openLayout(folder);
      const client = new RegistryClient({
        registry: parseRegistryHost(registry.host),
        credentials: { kind: 'basic', ...registry.credentials },
      });
      const repository = client.repository(parseRepositoryName(NAME), 'push');
      const subject = manifestDescriptor(layout.root);
      const created = '2026-01-01T00:00:00Z';
      const referrers = bundles.map((text) =>
        buildBundleReferrer({ bundle: Buffer.from(text), subject, created, predicateType: typeOf(text) }),
      );
      await pushContent({ repository, layout, referrers });
      if (tag !== undefined) await repository.pushManifest(layout.root, { tag: parseTag(tag) });
      client.close();
    },
    pushIndex: (digests) => pushIndex(registry, digests),
    pushLegacy: (tag, layers) => pushLegacy(registry, tag, layers),
    attach: (subject, bundles) => attach(registry, subject, bundles),
    async verify(inputs = {}) {
      const given = await kit.inputs(definition, { ...world.identity, image: reference, ...inputs });
      try {
        return { outputs: await run(given, kit.context), error: undefined };
      } catch (error) {
        const outputs = (error as { outputs?: Outcome['outputs'] }).outputs ?? {};
        return { outputs, error };
      }
    },
    async dispose() {
      await kit.dispose();
      await registry.close();
    },
  };
}

function openRepository(registry: RegistryDouble): { repository: RepositoryClient; close(): void } {
  const client = new RegistryClient({
    registry: parseRegistryHost(registry.host),
    credentials: { kind: 'basic', ...registry.credentials },
  });
  return { repository: client.repository(parseRepositoryName(NAME), 'push'), close: () => client.close() };
}

async function pushIndex(registry: RegistryDouble, digests: readonly Digest[]): Promise<Digest> {
  const { repository, close } = openRepository(registry);
  const manifests = await Promise.all(
    digests.map(async (digest) => {
      const found = await repository.pullManifest(digest);
      if (found === undefined) throw new Error(`Cannot name ${digest} in an index: it is not there`);
      return manifestDescriptor(found.manifest);
    }),
  );
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  const index = parseManifest(bytes, OCI_INDEX);
  await repository.pushManifest(index);
  close();
  return index.digest;
}

async function pushLegacy(registry: RegistryDouble, tag: string, layers: readonly LegacyLayer[]): Promise<void> {
  const { repository, close } = openRepository(registry);
  const described = layers.map(({ mediaType, bytes, annotations }) => ({
    mediaType,
    digest: sha256(bytes),
    size: bytes.length,
    annotations,
  }));
  for (const [index, { bytes }] of layers.entries()) {
    const descriptor = described[index];
    if (descriptor !== undefined) await repository.pushBlob(bytesSource(descriptor, bytes));
  }
  await repository.pushBlob(bytesSource(EMPTY_CONFIG, EMPTY_CONFIG_BYTES));
  const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: EMPTY_CONFIG, layers: described };
  await repository.pushManifest(parseManifest(Buffer.from(JSON.stringify(manifest)), OCI_MANIFEST), {
    tag: parseTag(tag),
  });
  close();
}

/** Of what was tampered with until it cannot be read, any. */
function typeOf(text: string): string {
  try {
    const { payload } = JSON.parse(text).dsseEnvelope;
    return JSON.parse(Buffer.from(payload, 'base64').toString('utf8')).predicateType ?? sha256(text);
  } catch {
    return sha256(text);
  }
}

async function attach(registry: RegistryDouble, digest: Digest, bundles: readonly string[]): Promise<void> {
  const { repository, close } = openRepository(registry);
  const found = await repository.pullManifest(digest);
  if (found === undefined) throw new Error(`Cannot attach to ${digest}: it is not there`);
  const referrers = bundles.map((text) =>
    buildBundleReferrer({
      bundle: Buffer.from(text),
      subject: manifestDescriptor(found.manifest),
      created: '2026-01-01T00:00:00Z',
      predicateType: typeOf(text),
    }),
  );
  await attachReferrers(repository, referrers);
  close();
}

export function failedChecks(verification: Pick<Verification, 'checks'>): Record<string, string> {
  return Object.fromEntries(
    verification.checks.filter((check) => !check.ok).map((check) => [check.name, check.code ?? 'no code']),
  );
}
