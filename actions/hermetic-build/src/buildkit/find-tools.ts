import { createWriteStream } from 'node:fs';
import { access, chmod, constants, mkdir, rm } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { sha256File } from '@paved/digest';
import { HermeticBuildError } from '../error.js';
import { readTar } from '../image/tar-reader.js';
import { unpackedLayer } from '../image/unpacked-layer.js';
import { bundledBlob, openBundledImage, type WantedImage } from './image-bundle.js';

/** Absolute paths of the programs that BuildKit consists of. */
export interface BuildKitTools {
  readonly buildkitd: string;
  readonly buildctl: string;
  readonly runc: string;
}

const IN_IMAGE = {
  buildkitd: 'usr/bin/buildkitd',
  buildctl: 'usr/bin/buildctl',
  runc: 'usr/bin/buildkit-runc',
} as const;
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const MAX_PROGRAM_BYTES = 512 * 1024 * 1024;

/**
 * Takes the three static programs out of a fetched image of BuildKit. Nothing else of the image touches the disk, and it is never run.
 * @throws {HermeticBuildError} `BUILDKIT_UNAVAILABLE` when one is missing
 */
export async function toolsOfImage(image: WantedImage, bundlePath: string, workDir: string): Promise<BuildKitTools> {
  const folder = join(workDir, 'buildkit-tools');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  const { images } = await openBundledImage(image, bundlePath);
  const wanted = new Map(Object.entries(IN_IMAGE).map(([tool, name]): [string, string] => [name, join(folder, tool)]));
  const found = new Set<string>();
  for (const layer of images[0]?.layers ?? []) {
    for await (const entry of readTar(unpackedLayer(bundledBlob(bundlePath, layer)))) {
      const path = wanted.get(entry.name.replace(/^\.?\//, ''));
      if (path === undefined || entry.type !== 'file' || entry.size > MAX_PROGRAM_BYTES) continue;
      await pipeline(entry.content, createWriteStream(path));
      await chmod(path, 0o500);
      found.add(path);
    }
  }
  if (found.size === wanted.size) {
    return { buildkitd: join(folder, 'buildkitd'), buildctl: join(folder, 'buildctl'), runc: join(folder, 'runc') };
  }
  const absent = [...wanted].filter(([, path]) => !found.has(path)).map(([name]) => `/${name}`);
  throw unavailable(
    `the BuildKit image has no ${absent.join(', ')}`,
    'Set buildkit-image to a release of moby/buildkit',
  );
}

/**
 * The programs that this machine has. It vouches for them itself, so the road brings its own by digest.
 * @throws {HermeticBuildError} `BUILDKIT_UNAVAILABLE`
 */
export async function toolsOfMachine(path: string): Promise<BuildKitTools> {
  const buildkitd = await findProgram(['buildkitd'], path);
  const buildctl = await findProgram(['buildctl'], path);
  const runc = await findProgram(['buildkit-runc', 'runc'], path);
  return { buildkitd, buildctl, runc };
}

/** For the log: which programs built. */
export async function toolDigests(tools: BuildKitTools): Promise<readonly string[]> {
  return await Promise.all(Object.entries(tools).map(async ([name, path]) => `${name} ${await sha256File(path)}`));
}

async function findProgram(names: readonly string[], path: string): Promise<string> {
  const folders = `${path}${delimiter}${SYSTEM_PATH}`.split(delimiter).filter((folder) => isAbsolute(folder));
  for (const folder of folders) {
    for (const name of names) {
      const program = join(folder, name);
      const executable = await access(program, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (executable) return program;
    }
  }
  const hint = 'Set buildkit-image to a release of moby/buildkit by digest, or install buildkitd, buildctl and runc';
  throw unavailable(`there is no ${names.join(' or ')} on this machine`, hint);
}

export function unavailable(state: string, hint: string, cause?: unknown): HermeticBuildError {
  return new HermeticBuildError('BUILDKIT_UNAVAILABLE', `Cannot build the Dockerfile: ${state}`, { hint, cause });
}
