import type { SbomKind } from './schema.js';

export interface BomHash {
  /** Spelled as CycloneDX does: `SHA-256`. */
  readonly alg: string;
  readonly content: string;
}

/** One component with everything that a second document can keep of it; texts are the document's own. */
export interface BomComponent {
  /** Unique within its document. */
  readonly ref: string;
  /** CycloneDX's word: `library`, `application`, `container`, `file`, `operating-system`, ... */
  readonly type: string;
  /** Full name in the ecosystem's spelling. */
  readonly name: string;
  readonly version?: string;
  /** Canonical. */
  readonly purl?: string;
  readonly cpe?: string;
  readonly supplier?: string;
  readonly licences: readonly string[];
  readonly hashes: readonly BomHash[];
  readonly scope: 'runtime' | 'development';
  readonly locations: readonly string[];
  /** Digest that the lock file states for the package, in the lock file's own spelling. */
  readonly lockDigest?: string;
}

export interface BomOrigin {
  /** URL, without credentials. */
  readonly repository: string;
  readonly commit: string;
}

export interface BomLockfile {
  readonly path: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/**
 * A bill of materials of any format, complete enough to be scored, merged, trimmed and written again. `dependencies` has a member
 * only for what the document tells the edges of; that is not the same as "needs nothing".
 */
export interface Bom {
  readonly kind: SbomKind | 'syft' | 'lockfile' | 'fetch-manifest';
  readonly specVersion: string;
  readonly name: string;
  readonly created?: string;
  readonly authors: readonly string[];
  /** Of the document or its main component. */
  readonly producers: readonly string[];
  readonly tools: readonly { readonly name: string; readonly version?: string }[];
  readonly lifecycles: readonly string[];
  /** The commit that the main component was built from. */
  readonly source?: BomOrigin;
  /** Lock files that fixed the versions, with their digests. */
  readonly lockfiles?: readonly BomLockfile[];
  readonly main?: BomComponent;
  /** Nested ones included, the main component not. */
  readonly components: readonly BomComponent[];
  readonly dependencies: ReadonlyMap<string, readonly string[]>;
  readonly completeness: 'complete' | 'incomplete' | 'unknown';
  /** What is in the document besides components: `files`, `services`, `vulnerabilities`, `relationships`. */
  readonly counts: Readonly<Record<string, number>>;
}
