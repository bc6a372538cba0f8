import { object, optional, parseJson, string } from '@paved/json';
import { readBlob } from './blob-source.js';
import type { Content } from './content.js';
import { OciError } from './error.js';
import { type ImageManifest, MAX_MANIFEST_BYTES, type Manifest } from './manifest.js';
import { DOCKER_CONFIG, OCI_CONFIG } from './media-type.js';

/** What an image's config says it runs on (image-spec 1.1, "Image Configuration"). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
}

/** BuildKit marks manifests that hold attestations this way; nothing runs on it. */
const UNKNOWN = 'unknown';
const WORD = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const configDecoder = object({
  os: string,
  architecture: string,
  variant: optional(string),
  'os.version': optional(string),
});

/**
 * Reads the platform of one image of `content`; `undefined` for an artifact that is no image.
 * @throws {OciError} `LAYOUT_INVALID`, `DIGEST_MISMATCH`
 */
export async function readPlatform(content: Content, manifest: Manifest): Promise<Platform | undefined> {
  if (manifest.kind !== 'image' || ![OCI_CONFIG, DOCKER_CONFIG].includes(manifest.config.mediaType)) return undefined;
  const platform = parseConfig(await configBytes(content, manifest), manifest);
  for (const value of Object.values(platform)) {
    // It becomes part of tags and of the index.
    if (!WORD.test(value)) throw invalidConfig(manifest, `${JSON.stringify(value.slice(0, 60))} is no name`);
  }
  return platform;
}

export function isRunnable(platform: Platform | undefined): platform is Platform {
  return platform !== undefined && platform.os !== UNKNOWN && platform.architecture !== UNKNOWN;
}

/** `os/architecture[/variant]`, as tools print it. */
export function platformText(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
}

async function configBytes(content: Content, manifest: ImageManifest): Promise<Buffer> {
  const source = content.blobs.find(({ descriptor }) => descriptor.digest === manifest.config.digest);
  if (source === undefined) throw invalidConfig(manifest, 'it is missing');
  return await readBlob(source, MAX_MANIFEST_BYTES);
}

function parseConfig(bytes: Buffer, manifest: ImageManifest): Platform {
  try {
    const { os, architecture, variant, ...rest } = parseJson('a config', bytes.toString('utf8'), configDecoder);
    const version = rest['os.version'];
    return {
      os,
      architecture,
      ...(variant ? { variant } : {}),
      ...(version ? { 'os.version': version } : {}),
    };
  } catch (cause) {
    throw invalidConfig(manifest, 'it is no image config with os and architecture', cause);
  }
}

function invalidConfig({ config }: ImageManifest, state: string, cause?: unknown): OciError {
  return new OciError('LAYOUT_INVALID', `Cannot read the config ${config.digest} of an image: ${state}`, {
    cause,
    hint: 'Build the image again: its config must be what the manifest says',
  });
}
