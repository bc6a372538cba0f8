import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import { type CheckedPack, checkPack } from './check-pack.js';
import type { definition } from './definition.js';
import { parseStore, type Stored, storePack } from './directory-store.js';
import { EvidenceError } from './error.js';
import { type EvidenceManifest, MANIFEST_NAME } from './evidence-manifest.js';
import { storeAttestations } from './github-attestations.js';
import { planPack } from './plan-pack.js';
import { parseStorage, recordStorage } from './storage-record.js';
import { writePack } from './write-pack.js';

type Inputs = InputsOf<typeof definition>;

export async function run(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const { mode } = inputs;
  if (mode === 'all' && !inputs['allow-unsigned']) {
    throw new EvidenceError('INPUT_INVALID', 'Cannot pack and upload at once: the files would have no signatures', {
      hint: 'Run mode: pack, then sign with blobs, then mode: upload; or set allow-unsigned',
    });
  }
  const packPath = mode === 'upload' ? requirePackPath(inputs) : await pack(inputs, context);
  const outputs = { 'pack-path': packPath, 'manifest-path': join(packPath, MANIFEST_NAME) };
  if (mode === 'pack') return outputs;
  const store = await githubStore(inputs, context);
  const location = await upload(inputs, context, packPath);
  const ids = await store?.(packPath);
  return { ...outputs, location, ...(ids === undefined ? {} : { 'attestation-ids': ids.join('\n') }) };
}

/** Inputs are checked before anything is stored anywhere. */
async function githubStore(
  inputs: Inputs,
  context: ActionContext,
): Promise<((packPath: string) => Promise<readonly string[]>) | undefined> {
  const image = inputs['storage-image'];
  if (!inputs['github-attestations'] && image === undefined) return undefined;
  const storage = image === undefined ? undefined : parseStorage(image);
  const token = inputs['github-token'];
  if (token === undefined) {
    throw new EvidenceError('INPUT_INVALID', "Cannot use GitHub's store: github-token is empty", {
      hint: 'Pass github.token, with attestations: write',
    });
  }
  const { apiUrl, repository } = context.runner;
  return async (packPath) => {
    const address = { apiUrl, repository, token };
    const ids = inputs['github-attestations'] ? await storeAttestations(context.http, address, packPath) : [];
    if (storage !== undefined) await recordStorage(storage, address);
    context.events.emit({ stage: 'evidence', event: 'github-stored', attestations: ids.length });
    return ids;
  };
}

async function pack(inputs: Inputs, context: ActionContext): Promise<string> {
  const { runner } = context;
  const work = await context.workDir();
  const trustedRoot = inputs['trusted-root'] === undefined ? undefined : join(work, 'trusted_root.json');
  if (trustedRoot !== undefined) await writeFile(trustedRoot, inputs['trusted-root'] ?? '', { flag: 'wx' });
  const { files, subjects } = await planPack({
    name: inputs.name,
    architecture: inputs.architecture,
    sboms: inputs.sboms ?? [],
    attestations: inputs.attestations ?? [],
    scans: inputs.scans ?? [],
    logs: [...(inputs.logs ?? []), ...(await eventFolder(runner.temp))],
    bundlesPath: inputs['bundles-path'],
    trustedRoot,
  });
  const folder = join(work, 'pack');
  const manifest = await writePack(folder, files, {
    artifact: { name: inputs.name, architecture: inputs.architecture, subjects },
    run: {
      repository: runner.repository,
      repositoryId: runner.repositoryId,
      sha: runner.sha,
      ref: runner.ref,
      runId: runner.runId,
      runAttempt: runner.runAttempt,
    },
    createdAt: new Date().toISOString(),
  });
  showFiles(context, 'Evidence pack', manifest);
  context.events.emit({ stage: 'evidence', event: 'pack-assembled', files: manifest.files.length });
  return folder;
}

async function upload(inputs: Inputs, context: ActionContext, packPath: string): Promise<string> {
  const store = parseStore(inputs.store);
  const checked = await checkPack(packPath, !inputs['allow-unsigned']);
  if (checked.manifest.artifact.name !== inputs.name) {
    throw new EvidenceError('PACK_INVALID', `Cannot store the pack: it is of "${checked.manifest.artifact.name}"`, {
      hint: 'Set name to that of the pack, or assemble a pack of this artifact',
    });
  }
  const result: Stored =
    store.kind === 'run' ? { location: 'run', stored: false } : await storePack(store.path, packPath, checked);
  report(context, checked, result, inputs['allow-unsigned']);
  return result.location;
}

function report(context: ActionContext, pack: CheckedPack, result: Stored, unsigned: boolean): void {
  showFiles(context, 'Evidence', pack.manifest);
  context.summary.table(
    ['Key', 'Location', 'State', 'Signatures'],
    [
      [
        pack.manifestDigest,
        result.location,
        result.location === 'run' ? 'kept with the run' : result.stored ? 'stored and read back' : 'was there already',
        unsigned ? 'not required' : 'beside every file',
      ],
    ],
  );
  context.events.emit({
    stage: 'evidence',
    event: 'pack-stored',
    digest: pack.manifestDigest,
    location: result.location,
    files: pack.files.length,
  });
}

function showFiles(context: ActionContext, heading: string, manifest: EvidenceManifest): void {
  context.summary.heading(heading).table(
    ['File', 'Bytes', 'SHA-256'],
    manifest.files.map(({ path, size, sha256 }) => [path, String(size), sha256]),
  );
}

function requirePackPath(inputs: Inputs): string {
  const path = inputs['pack-path'];
  if (path !== undefined) return path;
  throw new EvidenceError('INPUT_INVALID', 'Cannot upload: pack-path is empty', {
    hint: 'Pass the pack-path of the step with mode: pack',
  });
}

/** The events of every action of this job are part of the pack (docs/architecture.md). */
async function eventFolder(temp: string): Promise<readonly string[]> {
  const folder = join(temp, 'paved', 'events');
  return await access(folder).then(
    () => [folder],
    () => [],
  );
}
