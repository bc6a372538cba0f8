import { pipeline, type Readable } from 'node:stream';
import { type Digest, isDigest } from '@paved/digest';
import type { HttpResponse } from '@paved/http';
import { type BlobSource, readChecked, VerifiedBlobStream } from './blob-source.js';
import { type BlobOutcome, type UploadOptions, uploadBlob } from './blob-upload.js';
import type { Descriptor } from './descriptor.js';
import { OciError } from './error.js';
import { MAX_MANIFEST_BYTES, type Manifest, parseManifest } from './manifest.js';
import { MANIFEST_ACCEPT } from './media-type.js';
import type { RepositoryName, Tag } from './reference.js';
import { listReferrersApi, type Referrers } from './referrers-api.js';
import type { RegistryClient, RegistryRequest } from './registry-client.js';
import { isTransientFailure, withRetry } from './retry.js';

export interface FetchedManifest {
  readonly manifest: Manifest;
  readonly etag: string | undefined;
}

export interface PushManifestOptions {
  /** Default: pushed by its digest. */
  readonly tag?: Tag;
  /** The ETag that the tag must still have, or `absent`. Registries that do not know conditional requests ignore it. */
  readonly ifMatch?: string | 'absent' | undefined;
}

/** What one repository of a registry can be asked (OCI distribution-spec 1.1.1). All content is checked against its digest. */
export class RepositoryClient {
  readonly registry: RegistryClient;
  readonly name: RepositoryName;
  readonly #scopes: readonly string[];

  constructor(registry: RegistryClient, name: RepositoryName, access: 'pull' | 'push') {
    this.registry = registry;
    this.name = name;
    this.#scopes = [`repository:${name}:${access === 'push' ? 'pull,push' : 'pull'}`];
  }

  url(path: string): URL {
    return this.registry.url(`/v2/${this.name}/${path}`);
  }

  /** @param mountFrom repository that a token has to cover as well */
  send(request: Omit<RegistryRequest, 'scopes'>, mountFrom?: RepositoryName): Promise<HttpResponse> {
    const scopes = mountFrom === undefined ? this.#scopes : [...this.#scopes, `repository:${mountFrom}:pull`];
    return this.registry.send({ ...request, scopes });
  }

  /** @throws {OciError} `DIGEST_MISMATCH` when the registry claims to have it with another size or digest */
  async hasBlob(descriptor: Descriptor): Promise<boolean> {
    const url = this.url(`blobs/${descriptor.digest}`);
    const response = await this.send({ method: 'HEAD', url, redirect: 'follow', accept: [200, 404] });
    response.discard();
    if (response.status === 404) return false;
    assertDigestHeader(response, descriptor.digest);
    const size = response.header('content-length');
    if (size === undefined || Number(size) === descriptor.size) return true;
    throw mismatch(descriptor.digest, `the registry has it with ${size} bytes, expected ${descriptor.size}`);
  }

  /** Sends a blob unless it is there; `sent` means that the registry confirmed exactly this digest. */
  pushBlob(source: BlobSource, options: UploadOptions = {}): Promise<BlobOutcome> {
    return uploadBlob(this, source, options);
  }

  /** The registry's answer; nothing in its body is compared. */
  openBlob({ digest }: Descriptor): Promise<HttpResponse> {
    return this.send({ method: 'GET', url: this.url(`blobs/${digest}`), redirect: 'follow', accept: [200] });
  }

  /** The blob's bytes; the stream fails with `DIGEST_MISMATCH` before its last chunk when they are others. */
  async pullBlob(descriptor: Descriptor): Promise<Readable> {
    const response = await this.openBlob(descriptor);
    return pipeline(response.body, new VerifiedBlobStream(descriptor), () => undefined);
  }

  /** The blob in memory; the caller has checked `descriptor.size` against a limit. */
  async pullBytes(descriptor: Descriptor): Promise<Buffer> {
    return await withRetry(this.registry.retry, isBroken, async () => {
      const { body } = await this.openBlob(descriptor);
      return await readChecked(body, descriptor);
    });
  }

  /** Reads a blob whole, only to compare its digest. */
  async verifyBlob(descriptor: Descriptor): Promise<void> {
    await withRetry(this.registry.retry, isBroken, async () => {
      for await (const _ of await this.pullBlob(descriptor));
    });
  }

  /**
   * @returns `undefined` when the registry does not have it
   * @throws {OciError} `DIGEST_MISMATCH` when bytes, header and request disagree; `MANIFEST_AMBIGUOUS`, `MANIFEST_INVALID`
   */
  async pullManifest(reference: Digest | Tag): Promise<FetchedManifest | undefined> {
    return await withRetry(this.registry.retry, isTransientFailure, async () => {
      const response = await this.send({
        method: 'GET',
        url: this.url(`manifests/${reference}`),
        headers: { accept: MANIFEST_ACCEPT },
        redirect: 'follow',
        accept: [200, 404],
      });
      if (response.status === 404) {
        response.discard();
        return undefined;
      }
      const mediaType = (response.header('content-type') ?? '').split(';')[0]?.trim() ?? '';
      const manifest = parseManifest(await response.bytes(MAX_MANIFEST_BYTES), mediaType);
      assertDigestHeader(response, manifest.digest);
      if (isDigest(reference) && reference !== manifest.digest) {
        throw mismatch(reference, 'the registry answered with another manifest');
      }
      return { manifest, etag: response.header('etag') };
    });
  }

  /**
   * @returns the `OCI-Subject` that the registry answered, which alone proves nothing
   * @throws {OciError} `DIGEST_MISMATCH` when the registry stored another digest
   */
  async pushManifest(manifest: Manifest, options: PushManifestOptions = {}): Promise<string | undefined> {
    const { tag, ifMatch } = options;
    const condition = ifMatch === 'absent' ? { 'if-none-match': '*' } : ifMatch && { 'if-match': ifMatch };
    const response = await this.send({
      method: 'PUT',
      url: this.url(`manifests/${tag ?? manifest.digest}`),
      headers: { 'content-type': manifest.mediaType, ...condition },
      body: manifest.bytes,
      accept: [200, 201, 202],
    });
    response.discard();
    assertDigestHeader(response, manifest.digest);
    return response.header('oci-subject');
  }

  /** The referrers API alone, without the fallback tag. */
  listReferrersApi(subject: Digest, artifactType?: string): Promise<Referrers> {
    return listReferrersApi(this, subject, artifactType);
  }
}

function isBroken(error: unknown): boolean {
  return isTransientFailure(error) || (error instanceof Error && 'code' in error && error.code === 'ECONNRESET');
}

function assertDigestHeader(response: HttpResponse, digest: Digest): void {
  const header = response.header('docker-content-digest');
  // A digest of another algorithm says nothing about ours; the bytes are compared elsewhere.
  if (header === undefined || header === digest) return;
  throw mismatch(digest, 'the registry answered with another Docker-Content-Digest');
}

function mismatch(digest: Digest, state: string): OciError {
  return new OciError('DIGEST_MISMATCH', `Cannot accept ${digest}: ${state}`, {
    hint: 'The registry or something before it changes content; do not use it before that is explained',
  });
}
