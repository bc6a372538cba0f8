import type { Digest } from '@paved/digest';
import type { HttpClient } from '@paved/http';
import {
  type Descriptor,
  listReferrers,
  OciError,
  parseRegistryHost,
  type Reference,
  RegistryClient,
  type RepositoryClient,
  readRegistryCredentials,
} from '@paved/oci';
import { MAX_BUNDLE_BYTES } from '@paved/sigstore';
import type { Candidate } from './candidate.js';
import { type Check, failed, passed } from './check.js';
import { VerifyError } from './error.js';

export interface RegistryAccess {
  readonly http: HttpClient;
  readonly registryConfig: string | undefined;
  readonly plainHttp: boolean;
  readonly tokenHosts: readonly string[];
}

const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle';
/** Whoever may push may attach; more than this is an attack on the verifier's time. */
const MAX_REFERRERS = 500;

/** The manifest by digest, the tag where the reference has one, and every Sigstore bundle that refers to the digest. */
export async function fetchImage(
  reference: Reference,
  digest: Digest,
  access: RegistryAccess,
): Promise<{ readonly checks: readonly Check[]; readonly candidates: readonly Candidate[] }> {
  const { registry } = reference;
  const config = access.registryConfig;
  const client = new RegistryClient({
    registry,
    http: access.http,
    credentials: config === undefined ? undefined : await readRegistryCredentials(config, registry),
    plainHttp: access.plainHttp,
    tokenHosts: access.tokenHosts.map(parseRegistryHost),
  });
  const repository = client.repository(reference.repository);
  const artifact = await checkManifest(repository, digest);
  if (!artifact.ok) return { checks: [artifact], candidates: [] };
  const tag = await checkTag(repository, reference, digest);
  return { checks: [artifact, ...tag], candidates: await fetchBundles(repository, digest) };
}

async function checkManifest(repository: RepositoryClient, digest: Digest): Promise<Check> {
  try {
    const found = await repository.pullManifest(digest);
    if (found !== undefined) return passed('artifact', `${digest}, the bytes that the registry gave`);
    return failed('artifact', 'ARTIFACT_NOT_FOUND', `the registry does not have ${digest}`);
  } catch (error) {
    if (!(error instanceof OciError) || error.code !== 'DIGEST_MISMATCH') throw error;
    return failed('artifact', 'ARTIFACT_DIGEST_MISMATCH', error.message);
  }
}

async function checkTag(repository: RepositoryClient, { tag }: Reference, digest: Digest): Promise<readonly Check[]> {
  if (tag === undefined) return [];
  const found = await repository.pullManifest(tag);
  if (found?.manifest.digest === digest) return [passed('tag', `${tag} names ${digest}`)];
  return [failed('tag', 'TAG_MISMATCH', `${tag} names ${found?.manifest.digest ?? 'nothing'}`)];
}

async function fetchBundles(repository: RepositoryClient, digest: Digest): Promise<readonly Candidate[]> {
  const referrers = (await listReferrers(repository, digest)).filter(isBundle);
  if (referrers.length > MAX_REFERRERS) {
    throw new VerifyError(
      'TOO_MANY_BUNDLES',
      `Cannot verify ${digest}: more than ${MAX_REFERRERS} bundles refer to it`,
    );
  }
  const candidates: Candidate[] = [];
  for (const referrer of referrers) {
    const text = await fetchBundle(repository, referrer, digest);
    if (text !== undefined) candidates.push({ origin: referrer.digest, text });
  }
  return candidates;
}

function isBundle(descriptor: Descriptor): boolean {
  return descriptor.artifactType?.startsWith(BUNDLE_TYPE) ?? false;
}

/** `undefined` for what is no bundle of this digest: anybody who may push can list something else, and it proves nothing. */
async function fetchBundle(
  repository: RepositoryClient,
  descriptor: Descriptor,
  subject: Digest,
): Promise<string | undefined> {
  const manifest = (await repository.pullManifest(descriptor.digest))?.manifest;
  if (manifest?.kind !== 'image' || manifest.subject?.digest !== subject) return undefined;
  const layer = manifest.layers[0];
  if (layer === undefined || layer.size > MAX_BUNDLE_BYTES) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of (await repository.pullBlob(layer)) as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
