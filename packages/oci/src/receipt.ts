import type { Referrer } from './bundle-referrer.js';
import type { PushedContent } from './push-content.js';
import type { Tag } from './reference.js';
import type { RepositoryClient } from './repository-client.js';

export const PUSH_RECEIPT_MEDIA_TYPE = 'application/vnd.paved.push-receipt.v1+json';

export interface PushReceipt {
  readonly mediaType: typeof PUSH_RECEIPT_MEDIA_TYPE;
  readonly registry: string;
  readonly repository: string;
  readonly digest: string;
  readonly tags: readonly string[];
  readonly referrers: readonly {
    readonly digest: string;
    readonly subject: string;
    readonly artifactType: string;
    readonly predicateType?: string;
  }[];
  /** Absent when this step found the manifest in place. */
  readonly order?: PushedContent['order'];
  /** How long the artifact could be pulled by digest without its referrers. */
  readonly windowMs?: number;
  readonly bytes: PushedContent['bytes'];
  /** `true` when a tag was given without verified bundles. */
  readonly allowUnsigned: boolean;
}

export interface PushReceiptOptions {
  readonly repository: RepositoryClient;
  readonly content: Pick<PushedContent, 'digest' | 'bytes'> & Partial<PushedContent>;
  readonly referrers: readonly Referrer[];
  readonly tags: readonly Tag[];
  readonly allowUnsigned: boolean;
}

/** What was pushed where, as evidence; holds no credential and no clock. */
export function buildPushReceipt(options: PushReceiptOptions): PushReceipt {
  const { repository, content } = options;
  return {
    mediaType: PUSH_RECEIPT_MEDIA_TYPE,
    registry: repository.registry.registry,
    repository: repository.name,
    digest: content.digest,
    tags: options.tags,
    referrers: options.referrers.map(({ manifest, subject, predicateType }) => ({
      digest: manifest.digest,
      subject: subject.digest,
      artifactType: manifest.artifactType ?? manifest.config.mediaType,
      ...(predicateType === undefined ? {} : { predicateType }),
    })),
    ...(content.order === undefined ? {} : { order: content.order }),
    ...(content.windowMs === undefined ? {} : { windowMs: content.windowMs }),
    bytes: content.bytes,
    allowUnsigned: options.allowUnsigned,
  };
}
