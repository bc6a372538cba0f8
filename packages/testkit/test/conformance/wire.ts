import { expect } from '@jest/globals';
import { sha256 } from '@paved/digest';
import type { RegistryBehaviour, RegistryDouble } from '../../src/registry/index.js';

export const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
export const INDEX = 'application/vnd.oci.image.index.v1+json';
export const EMPTY = { mediaType: 'application/vnd.oci.empty.v1+json', digest: sha256('{}'), size: 2 };
export const REPO = '/v2/org/app';
export const HELLO = sha256('hello');

/** One registry, spoken to as the specification writes it. */
export class Wire {
  readonly registry: RegistryDouble;

  constructor(registry: RegistryDouble) {
    this.registry = registry;
  }

  send(method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(new URL(path, this.registry.url), { method, headers, ...(body === undefined ? {} : { body }) });
  }

  async open(path = `${REPO}/blobs/uploads/`): Promise<string> {
    const opened = await this.send('POST', path);
    expect(opened.status).toBe(202);
    return opened.headers.get('location') ?? '';
  }

  async blob(text: string): Promise<string> {
    const location = await this.open();
    expect((await this.send('PUT', `${location}&digest=${sha256(text)}`, text)).status).toBe(201);
    return sha256(text);
  }

  async manifest(reference: string, body: string, type = IMAGE): Promise<Response> {
    return await this.send('PUT', `${REPO}/manifests/${reference}`, body, { 'content-type': type });
  }

  async image(reference = 'v1'): Promise<string> {
    await this.blob('{}');
    expect((await this.manifest(reference, image())).status).toBe(201);
    return sha256(image());
  }

  async referrers(subject: string, query = ''): Promise<{ digests: string[]; response: Response }> {
    const response = await this.send('GET', `${REPO}/referrers/${subject}${query}`);
    const { manifests } = (await response.json()) as { manifests: { digest: string }[] };
    return { digests: manifests.map(({ digest }) => digest), response };
  }
}

export function image(subject?: string, members: Readonly<Record<string, unknown>> = {}): string {
  const about = subject === undefined ? {} : { subject: { mediaType: IMAGE, digest: subject, size: 1 } };
  return JSON.stringify({ schemaVersion: 2, mediaType: IMAGE, config: EMPTY, layers: [EMPTY], ...about, ...members });
}

export async function codeOf(response: Response): Promise<string> {
  const { errors } = (await response.json()) as { errors: { code: string; message: string }[] };
  expect(typeof errors[0]?.message).toBe('string');
  return `${response.status} ${errors[0]?.code}`;
}

export type Check = readonly [what: string, check: (wire: Wire) => Promise<void>, behaviour?: RegistryBehaviour];

/** The checks of each section of distribution-spec 1.1.1. */
export type Sections = Readonly<Record<string, readonly Check[]>>;
