import { mkdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { type ArtifactFile, buildArtifactLayout, type OciLayout, openLayout } from '@paved/oci';
import type { InputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { PushError } from './error.js';

type Inputs = InputsOf<typeof definition>;

/**
 * Builds a layout of `files`, or opens and checks the one of `layout-path`.
 * @throws {OciError} what is wrong with it; {PushError} `LAYOUT_CHANGED` when it is not the `digest` that was expected
 */
export async function prepareLayout(inputs: Inputs, workDir: () => Promise<string>): Promise<OciLayout> {
  const path = await layoutFolder(inputs, workDir);
  const { digest } = inputs;
  // What is not sent now is signed next: then every byte has to be what the digest says. What is sent is hashed on its way.
  const layout = await openLayout(path, { digest, blobs: inputs.mode === 'layout' ? 'hashed' : 'when-read' });
  if (digest === undefined || layout.root.digest === digest) return layout;
  throw new PushError('LAYOUT_CHANGED', `Cannot push the layout: it is ${layout.root.digest}, expected ${digest}`);
}

async function layoutFolder(inputs: Inputs, workDir: () => Promise<string>): Promise<string> {
  const { files, 'layout-path': layoutPath } = inputs;
  if ((files === undefined) === (layoutPath === undefined)) {
    throw new PushError('PUSH_INPUT_INVALID', 'Cannot find what to push: it is one of files and layout-path', {
      hint: 'Give files for an artifact of files, or layout-path for a layout that is built already',
    });
  }
  if (files !== undefined) {
    const target = join(await workDir(), 'layout');
    await mkdir(target);
    const options = { artifactType: inputs['artifact-type'], annotations: parseAnnotations(inputs.annotations ?? []) };
    await buildArtifactLayout(namedFiles(files), options, target);
    return target;
  }
  const given = layoutPath ?? '';
  await stat(given).catch((cause) => {
    throw new PushError('PUSH_INPUT_INVALID', `Cannot read layout-path "${given}": it does not exist`, { cause });
  });
  return given;
}

/** Names relative to the deepest folder that holds all files, with `/`. */
export function namedFiles(paths: readonly string[]): readonly ArtifactFile[] {
  const [first = '', ...others] = paths;
  let base = dirname(first);
  while (!others.every((path) => path.startsWith(base === sep ? sep : base + sep))) base = dirname(base);
  return paths.map((path) => ({
    path,
    name: paths.length === 1 ? basename(path) : relative(base, path).split(sep).join('/'),
  }));
}

function parseAnnotations(entries: readonly string[]): Readonly<Record<string, string>> {
  const annotations: Record<string, string> = {};
  for (const entry of entries) {
    const equals = entry.indexOf('=');
    const name = entry.slice(0, Math.max(0, equals)).trim();
    if (!/^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(name) || Object.hasOwn(annotations, name)) {
      throw new PushError(
        'PUSH_INPUT_INVALID',
        'Cannot read annotations: a line is not key=value, or a key is repeated',
      );
    }
    annotations[name] = entry.slice(equals + 1).trim();
  }
  return annotations;
}
