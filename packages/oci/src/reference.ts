import { type Digest, isDigest } from '@paved/digest';
import { OciError } from './error.js';

/** `host` or `host:port`, lower case, without scheme and path. */
export type RegistryHost = string & { readonly __brand: 'RegistryHost' };
/** Path of a repository inside a registry (distribution-spec 1.1.1, "Pulling manifests": `<name>`). */
export type RepositoryName = string & { readonly __brand: 'RepositoryName' };
/** At most 128 characters (distribution-spec 1.1.1: `<reference>` as a tag). */
export type Tag = string & { readonly __brand: 'Tag' };

export interface Reference {
  readonly registry: RegistryHost;
  readonly repository: RepositoryName;
  readonly tag?: Tag;
  readonly digest?: Digest;
}

const LABEL = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const HOST = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-f:]+\\])(?::[1-9][0-9]{0,4})?$`);
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const MAX_NAME_LENGTH = 255;

function invalid(what: string, text: string, state: string, hint: string): OciError {
  return new OciError('REFERENCE_INVALID', `Cannot parse ${what} ${JSON.stringify(text.slice(0, 120))}: ${state}`, {
    hint,
  });
}

/** @throws {OciError} `REFERENCE_INVALID` for a scheme, path, user info, upper case or a port above 65535 */
export function parseRegistryHost(text: string): RegistryHost {
  const port = Number(/:([0-9]+)$/.exec(text)?.[1] ?? 0);
  if (text.length <= MAX_NAME_LENGTH && HOST.test(text) && port <= 65_535) return text as RegistryHost;
  throw invalid('registry', text, 'it is not one host', 'Give host or host:port alone, for example ghcr.io');
}

/**
 * A repository may not look like it starts with a host: the registry is a separate value, and text that could be read as another
 * registry by the next tool is refused.
 * @throws {OciError} `REFERENCE_INVALID` outside the grammar, `REGISTRY_NOT_ALLOWED` when the first component is a host
 */
export function parseRepositoryName(text: string): RepositoryName {
  const [first = '', ...rest] = text.split('/');
  const smuggled =
    /[:@\\]|%|^\/|\/\//.test(text) || (rest.length > 0 && (first.includes('.') || first === 'localhost'));
  if (smuggled) {
    throw new OciError(
      'REGISTRY_NOT_ALLOWED',
      `Cannot use repository ${JSON.stringify(text.slice(0, 120))}: it names a host`,
      { hint: 'Give the host in the registry input, and the repository without host, tag and digest' },
    );
  }
  if (text.length <= MAX_NAME_LENGTH && REPOSITORY.test(text)) return text as RepositoryName;
  throw invalid(
    'repository',
    text,
    'it is outside the grammar of the distribution-spec',
    'Use lower-case letters, digits, and . _ - between them',
  );
}

/** @throws {OciError} `REFERENCE_INVALID`, `REGISTRY_NOT_ALLOWED` for text that a tool could read as another repository */
export function parseTag(text: string): Tag {
  if (TAG.test(text)) return text as Tag;
  if (/[/:@%]/.test(text)) {
    throw new OciError(
      'REGISTRY_NOT_ALLOWED',
      `Cannot use tag ${JSON.stringify(text.slice(0, 120))}: it names another place`,
      { hint: 'Give the tag alone, without registry and repository' },
    );
  }
  throw invalid('tag', text, 'it is not a tag', 'Use at most 128 letters, digits and . _ - that start with no . or -');
}

/** Parses `registry/repository[:tag][@digest]`; the registry is never guessed. */
export function parseReference(text: string): Reference {
  const hint = 'Give registry/repository:tag or registry/repository@sha256:<64 hex>';
  const [named = '', digest, ...more] = text.split('@');
  if (more.length > 0 || (digest !== undefined && !isDigest(digest))) {
    throw invalid('reference', text, 'what stands behind @ is not a digest', hint);
  }
  const slash = named.indexOf('/');
  const host = named.slice(0, slash);
  if (slash < 0 || !(host.includes('.') || host.includes(':') || host === 'localhost')) {
    throw invalid('reference', text, 'it names no registry', hint);
  }
  const path = named.slice(slash + 1);
  const colon = path.indexOf(':');
  return {
    registry: parseRegistryHost(host),
    repository: parseRepositoryName(colon < 0 ? path : path.slice(0, colon)),
    ...(colon < 0 ? {} : { tag: parseTag(path.slice(colon + 1)) }),
    ...(digest === undefined ? {} : { digest }),
  };
}

export function referenceText(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}
