import type { ImageName } from './image-name.js';

/** Where a Dockerfile names an image. */
export type ImageRole = 'FROM' | 'COPY --from' | 'RUN --mount' | '# syntax';

export interface ImageUse {
  readonly role: ImageRole;
  /** As it stands in the Dockerfile, with its variables filled in. */
  readonly text: string;
  readonly line: number;
  readonly name: ImageName;
  /** `os/architecture[/variant]` that it is needed for. */
  readonly platforms: readonly string[];
}

export interface Download {
  readonly url: URL;
  /** Lower-case hex, out of `--checksum`. */
  readonly sha256: string;
  readonly line: number;
}

export interface Problem {
  readonly line: number;
  readonly detail: string;
  readonly cure: string;
}

/** Everything that a Dockerfile wants from somewhere else, and everything in it that is not allowed. */
export interface DockerfilePlan {
  readonly images: readonly ImageUse[];
  readonly downloads: readonly Download[];
  readonly problems: readonly Problem[];
}

export interface PlanOptions {
  readonly buildArgs: ReadonlyMap<string, string>;
  /** What is built. */
  readonly platforms: readonly string[];
  /** Where it is built. */
  readonly buildPlatform: string;
  /** Named contexts that we bring: they are no images. */
  readonly contexts: readonly string[];
}
