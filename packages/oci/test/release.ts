import { type RegistryDouble, type RegistryMode, type RegistryOptions, startRegistry } from '@paved/testkit';
import {
  assertRemoteManifest,
  attachReferrers,
  buildArtifactManifest,
  buildBundleReferrer,
  bytesSource,
  describeBytes,
  describeRegistry,
  EMPTY_CONFIG,
  EMPTY_CONFIG_BYTES,
  manifestDescriptor,
  type PushContentOptions,
  type PushedContent,
  parseRegistryHost,
  parseRepositoryName,
  parseTag,
  pushContent,
  pushTags,
  REGISTRY_PROFILES,
  type Referrer,
  RegistryClient,
  type RegistryProfile,
  type RepositoryClient,
  SIGSTORE_BUNDLE,
} from '../src/index.js';

export const NAME = parseRepositoryName('octo/app');
export const TAG = parseTag('1.0.0');
export type Layout = PushContentOptions['layout'];

/** One artifact in memory, the same bytes every time. */
export function artifact(text = 'the artifact'): Layout {
  const bytes = Buffer.from(text);
  const layer = describeBytes('application/octet-stream', bytes);
  const root = buildArtifactManifest({ artifactType: 'application/vnd.test', layers: [layer] });
  return { root, manifests: [root], blobs: [bytesSource(EMPTY_CONFIG, EMPTY_CONFIG_BYTES), bytesSource(layer, bytes)] };
}

/** `count` bundles about the root of `layout`. */
export function bundlesOf(layout: Layout, count: number, from = 0): readonly Referrer[] {
  return Array.from({ length: count }, (_, index) => {
    const dsseEnvelope = { payload: `statement ${from + index}` };
    return buildBundleReferrer({
      bundle: Buffer.from(JSON.stringify({ mediaType: SIGSTORE_BUNDLE, dsseEnvelope })),
      subject: manifestDescriptor(layout.root),
      created: '2026-01-02T03:04:05Z',
      predicateType: `https://example.test/${from + index}`,
    });
  });
}

export function profile(name: RegistryMode): RegistryProfile | undefined {
  return REGISTRY_PROFILES.find((row) => row.name === name);
}

export interface Release {
  readonly repository: RepositoryClient;
  readonly layout: Layout;
  readonly referrers: readonly Referrer[];
  /** Content with its referrers, then the tag: what a release does, one request at a time. */
  run(): Promise<PushedContent>;
  /** As two steps of a job do it: content with the first referrer, then the later ones, then the tag. */
  runInSteps(): Promise<void>;
  close(): void;
}

type Registry = Pick<RegistryDouble, 'host' | 'credentials'>;

export interface ReleaseOptions {
  readonly referrers?: number;
  /** Says that the registry is this one, as its host name would. */
  readonly mode?: RegistryMode;
  readonly immutableTags?: boolean;
  readonly attempts?: number;
  readonly baseDelayMs?: number;
}

export function releaseTo(registry: Registry, options: ReleaseOptions = {}): Release {
  const baseDelayMs = options.baseDelayMs ?? 1;
  const client = new RegistryClient({
    registry: parseRegistryHost(registry.host),
    credentials: { kind: 'basic', ...registry.credentials },
    retry: { attempts: options.attempts ?? 3, baseDelayMs, maxDelayMs: baseDelayMs * 4 },
  });
  describeRegistry(client, {
    immutableTags: options.immutableTags,
    profile: options.mode === undefined ? undefined : profile(options.mode),
  });
  const layout = artifact();
  const referrers = bundlesOf(layout, options.referrers ?? 2);
  const repository = client.repository(NAME, 'push');
  return {
    repository,
    layout,
    referrers,
    async run() {
      const content = await pushContent({ repository, layout, referrers, concurrency: 1 });
      await pushTags({ repository, manifest: layout.root, tags: [TAG] });
      return content;
    },
    async runInSteps() {
      await pushContent({ repository, layout, referrers: referrers.slice(0, 1), concurrency: 1 });
      await assertRemoteManifest(repository, layout.root);
      await attachReferrers(repository, referrers.slice(1), 1);
      await pushTags({ repository, manifest: layout.root, tags: [TAG] });
    },
    close: () => client.close(),
  };
}

/** Starts doubles and releases, and closes them again. */
export class World {
  readonly #closing: (() => unknown)[] = [];

  async registry(options: RegistryOptions = {}): Promise<RegistryDouble> {
    const registry = await startRegistry(options);
    this.#closing.push(registry.close);
    return registry;
  }

  release(registry: Registry, options?: ReleaseOptions): Release {
    const release = releaseTo(registry, options);
    this.#closing.push(release.close);
    return release;
  }

  async close(): Promise<void> {
    await Promise.all(this.#closing.splice(0).map((close) => close()));
  }
}
