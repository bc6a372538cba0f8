import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  buildArtifactLayout,
  buildIndex,
  type Content,
  type OciLayout,
  openLayout,
  type PulledImage,
  parseReference,
  pullImage,
  type Reference,
} from '@paved/oci';
import type { InputsOf } from '@paved/runner-kit';
import type { Connect } from './connect.js';
import type { definition } from './definition.js';
import { PushError } from './error.js';
import { namedFiles } from './named-files.js';

type Inputs = InputsOf<typeof definition>;

/** What is pushed, and where it comes from. */
export interface Source {
  readonly content: Content;
  /** One per line; absent for a copy. */
  readonly layoutPath?: string;
  /** Plain archives that were made of compressed ones. */
  readonly spooled?: readonly string[];
  /** Of a copy: with what is attached to it. */
  readonly copied?: { readonly reference: Reference; readonly image: PulledImage };
}

/**
 * Builds a layout of `files`, opens and checks those of `layout-path`, or reads the image that `from` names.
 * @throws {OciError} what is wrong with it; {PushError} `LAYOUT_CHANGED` when it is not the `digest` that was expected
 */
export async function openSource(inputs: Inputs, workDir: () => Promise<string>, connect: Connect): Promise<Source> {
  const source = await open(inputs, workDir, connect);
  const { digest } = source.content.root;
  if (inputs.digest === undefined || digest === inputs.digest) return source;
  await removeSpooled(source);
  throw new PushError('LAYOUT_CHANGED', `Cannot push the layout: it is ${digest}, expected ${inputs.digest}`, {
    hint: 'Pass the layout that the digest was computed from, or the digest of this one',
  });
}

/** Removes the plain archives of a source but for one that `kept` names. */
export async function removeSpooled({ spooled = [] }: Pick<Source, 'spooled'>, kept?: string): Promise<void> {
  for (const path of spooled) if (path !== kept) await rm(path, { force: true });
}

async function open(inputs: Inputs, workDir: () => Promise<string>, connect: Connect): Promise<Source> {
  const { files, from, 'layout-path': layoutPaths } = inputs;
  const given = [files, from, layoutPaths].filter((value) => value !== undefined);
  if (given.length !== 1) {
    throw new PushError('PUSH_INPUT_INVALID', 'Cannot find what to push: it is one of files, layout-path and from', {
      hint: 'Give files for an artifact of files, layout-path for layouts that are built already, from for a copy',
    });
  }
  if (from !== undefined) return await openCopy(from, inputs, connect);
  if (files === undefined) return await openLayouts(layoutPaths ?? [], inputs, workDir);
  const target = join(await workDir(), 'layout');
  await mkdir(target);
  const options = { artifactType: inputs['artifact-type'], annotations: annotationsOf(inputs) };
  await buildArtifactLayout(namedFiles(files), options, target);
  return { content: await openLayout(target, { digest: inputs.digest, blobs: checkOf(inputs) }), layoutPath: target };
}

async function openLayouts(paths: readonly string[], inputs: Inputs, workDir: () => Promise<string>): Promise<Source> {
  for (const path of paths) {
    await stat(path).catch((cause) => {
      throw new PushError('PUSH_INPUT_INVALID', `Cannot read layout-path "${path}": it does not exist`, {
        cause,
        hint: 'Name the folder or the archive that the build left, relative to the workspace',
      });
    });
  }
  const opened: OciLayout[] = [];
  const spooled = () => opened.map(({ path }) => path).filter((path) => !paths.includes(path));
  const options = {
    blobs: checkOf(inputs),
    spool: { folder: workDir, maxBytes: inputs['max-archive-bytes'] },
    ...(paths.length === 1 ? { digest: inputs.digest } : {}),
  };
  try {
    for (const path of paths) opened.push(await openLayout(path, options));
    const [first, ...others] = opened;
    const content =
      others.length === 0 && first !== undefined
        ? first
        : await buildIndex(opened, { annotations: annotationsOf(inputs) });
    // Later steps read the plain archive instead of decompressing again. Of several the order decides the digest, and it follows the names.
    const isHandedOn = inputs.mode === 'layout' && others.length === 0;
    const layoutPath = (isHandedOn ? opened.map(({ path }) => path) : paths).join('\n');
    return { content, layoutPath, spooled: spooled() };
  } catch (error) {
    await removeSpooled({ spooled: spooled() });
    throw error;
  }
}

export function contactsNothing({ mode }: Pick<Inputs, 'mode'>): boolean {
  return mode === 'layout' || mode === 'rehearse';
}

/** What is not sent now is signed next: then every byte has to be what the digest says. What is sent is hashed on its way. */
function checkOf(inputs: Inputs): 'hashed' | 'when-read' {
  return contactsNothing(inputs) ? 'hashed' : 'when-read';
}

async function openCopy(from: string, inputs: Inputs, connect: Connect): Promise<Source> {
  const reference = parseReference(from);
  const { registry, repository, digest } = reference;
  if (digest === undefined || contactsNothing(inputs)) {
    const state = digest === undefined ? 'it has no digest' : `mode ${inputs.mode} contacts no registry`;
    throw new PushError('PUSH_INPUT_INVALID', `Cannot copy "${from}": ${state}`, {
      hint: 'Give registry/repository@sha256:...; a tag may name another image a moment later',
    });
  }
  const image = await pullImage((await connect(registry, repository)).repository(repository, 'pull'), digest);
  return { content: image, copied: { reference, image } };
}

function annotationsOf(inputs: Inputs): Readonly<Record<string, string>> {
  const annotations: Record<string, string> = {};
  for (const entry of inputs.annotations ?? []) {
    const equals = entry.indexOf('=');
    const name = entry.slice(0, Math.max(0, equals)).trim();
    if (!/^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(name) || Object.hasOwn(annotations, name)) {
      throw new PushError(
        'PUSH_INPUT_INVALID',
        'Cannot read annotations: a line is not key=value, or a key is repeated',
        { hint: 'Write one key=value per line, each key once' },
      );
    }
    annotations[name] = entry.slice(equals + 1).trim();
  }
  return annotations;
}
