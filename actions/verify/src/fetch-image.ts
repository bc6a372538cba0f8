import type { Digest } from '@paved/digest';
import type { HttpClient } from '@paved/http';
import {
  type Descriptor,
  type Manifest,
  OciError,
  parseTokenHosts,
  type Reference,
  RegistryClient,
  type RepositoryClient,
  readRegistryCredentials,
} from '@paved/oci';
import { BundleBudget } from './bundle-budget.js';
import type { Candidate } from './candidate.js';
import { type Check, failed, passed } from './check.js';
import { VerifyError } from './error.js';
import { fetchBundles } from './fetch-bundles.js';
import { inParallel } from './in-parallel.js';
import { fetchLegacy } from './legacy-tags.js';

export interface RegistryAccess {
  readonly http: HttpClient;
  readonly registryConfig: string | undefined;
  readonly plainHttp: boolean;
  /** As the input gives them: `host`, or `registry=host`. */
  readonly tokenHosts: readonly string[];
  /** Whether everything below an index is fetched as well. */
  readonly children: boolean;
  readonly legacyTags: boolean;
  readonly isWanted: (descriptor: Descriptor) => boolean;
}

export interface Child {
  readonly digest: Digest;
  readonly parent: Digest;
}

export interface FetchedImage {
  readonly checks: readonly Check[];
  readonly candidates: readonly Candidate[];
  readonly children: readonly Child[];
}

const MAX_CHILDREN = 256;
const MAX_DEPTH = 4;

/**
 * The manifest by digest, the tag where the reference has one, everything below it where it is an index, and every Sigstore bundle
 * that refers to one of them.
 */
export async function fetchImage(reference: Reference, digest: Digest, access: RegistryAccess): Promise<FetchedImage> {
  const repository = await openRepository(reference, access);
  const budget = new BundleBudget();
  // Asked at once: what the answers say is compared afterwards.
  const [root, tag, own] = await Promise.all([
    pullChecked(repository, digest, 'artifact'),
    checkTag(repository, reference, digest),
    fetchCandidates(repository, digest, access, budget),
  ]);
  if (root.manifest === undefined) return { checks: [root.check], candidates: [], children: [] };
  const walk: Walk = { repository, checks: [root.check, ...tag], children: [] };
  if (access.children) await walkIndex(walk, root.manifest, 0);
  const below = await inParallel(walk.children, ({ digest: child }) =>
    fetchCandidates(repository, child, access, budget),
  );
  return { checks: walk.checks, candidates: [...own, ...below.flat()], children: walk.children };
}

interface Walk {
  readonly repository: RepositoryClient;
  readonly checks: Check[];
  readonly children: Child[];
}

/** A child that the registry does not have fails the image: whoever has it elsewhere could pull it by this index. */
async function walkIndex(walk: Walk, manifest: Manifest, depth: number): Promise<void> {
  if (manifest.kind !== 'index') return;
  if (depth >= MAX_DEPTH) throw tooMany(manifest.digest, `indexes are nested deeper than ${MAX_DEPTH}`);
  const known = new Set(walk.children.map(({ digest }) => digest));
  const named = [...new Set(manifest.manifests.map(({ digest }) => digest))].filter((digest) => !known.has(digest));
  if (walk.children.length + named.length > MAX_CHILDREN) {
    throw tooMany(manifest.digest, `it names more than ${MAX_CHILDREN} manifests`);
  }
  walk.children.push(...named.map((digest) => ({ digest, parent: manifest.digest })));
  const pulled = await inParallel(named, (digest) => pullChecked(walk.repository, digest, `artifact ${digest}`));
  walk.checks.push(...pulled.map(({ check }) => check));
  for (const { manifest: child } of pulled) {
    if (child !== undefined) await walkIndex(walk, child, depth + 1);
  }
}

async function openRepository({ registry, repository }: Reference, access: RegistryAccess): Promise<RepositoryClient> {
  const config = access.registryConfig;
  const client = new RegistryClient({
    registry,
    http: access.http,
    credentials: config === undefined ? undefined : await readRegistryCredentials(config, registry, repository),
    plainHttp: access.plainHttp,
    tokenHosts: parseTokenHosts(access.tokenHosts, [registry]).get(registry) ?? [],
  });
  return client.repository(repository);
}

async function fetchCandidates(
  repository: RepositoryClient,
  digest: Digest,
  { legacyTags, isWanted }: RegistryAccess,
  budget: BundleBudget,
): Promise<readonly Candidate[]> {
  const [bundles, legacy] = await Promise.all([
    fetchBundles(repository, digest, budget, isWanted),
    legacyTags ? fetchLegacy(repository, digest, budget) : [],
  ]);
  return [...bundles, ...legacy];
}

const MALFORMED = new Set(['MANIFEST_INVALID', 'MANIFEST_AMBIGUOUS']);

async function pullChecked(
  repository: RepositoryClient,
  digest: Digest,
  name: string,
): Promise<{ readonly check: Check; readonly manifest?: Manifest }> {
  try {
    const found = await repository.pullManifest(digest);
    if (found === undefined) {
      return { check: failed(name, 'ARTIFACT_NOT_FOUND', `the registry does not have ${digest}`) };
    }
    return { check: passed(name, `${digest}, the bytes that the registry gave`), manifest: found.manifest };
  } catch (error) {
    if (!(error instanceof OciError)) throw error;
    if (error.code === 'DIGEST_MISMATCH') return { check: failed(name, 'ARTIFACT_DIGEST_MISMATCH', error.message) };
    if (MALFORMED.has(error.code)) return { check: failed(name, 'ARTIFACT_MALFORMED', error.message) };
    throw error;
  }
}

async function checkTag(repository: RepositoryClient, { tag }: Reference, digest: Digest): Promise<readonly Check[]> {
  if (tag === undefined) return [];
  const found = await repository.pullManifest(tag);
  if (found?.manifest.digest === digest) return [passed('tag', `${tag} names ${digest}`)];
  return [failed('tag', 'TAG_MISMATCH', `${tag} names ${found?.manifest.digest ?? 'nothing'}`)];
}

function tooMany(digest: Digest, state: string): VerifyError {
  return new VerifyError('TOO_MANY_MANIFESTS', `Cannot verify ${digest}: ${state}`);
}
