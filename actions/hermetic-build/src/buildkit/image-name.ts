import { parseReference, type Reference } from '@paved/oci';
import { HermeticBuildError } from '../error.js';

/** A name of an image as Dockerfiles write it. */
export interface ImageName {
  /** With registry; Docker's defaults written out. */
  readonly reference: Reference;
  /** As BuildKit looks it up among the named contexts: without Docker's defaults. */
  readonly familiar: string;
}

const DOCKER_HUB = 'docker.io';

/**
 * Docker's short names are for `docker.io`, and those of one part for `docker.io/library` (distribution/reference, "familiar names").
 * @throws {HermeticBuildError} `DOCKERFILE_REFUSED`
 */
export function parseImageName(text: string): ImageName {
  const [first = '', ...rest] = text.split('/');
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const host = hasHost ? first : DOCKER_HUB;
  const path = hasHost ? rest.join('/') : text;
  const full = host === DOCKER_HUB && !path.includes('/') ? `library/${path}` : path;
  try {
    const reference = parseReference(`${host === 'index.docker.io' ? DOCKER_HUB : host}/${full}`);
    return { reference, familiar: familiarName(reference) };
  } catch (cause) {
    throw new HermeticBuildError(
      'DOCKERFILE_REFUSED',
      `Cannot use image "${text.slice(0, 200)}": it is no image name`,
      {
        cause,
        hint: 'Write it as registry/repository:tag@sha256:<64 hex digits>',
      },
    );
  }
}

function familiarName({ registry, repository, tag, digest }: Reference): string {
  const short = registry === DOCKER_HUB ? repository.replace(/^library\/(?=[^/]+$)/, '') : `${registry}/${repository}`;
  return `${short}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}
