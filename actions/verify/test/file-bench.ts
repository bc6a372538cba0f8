import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, sha256 } from '@paved/digest';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';
import type { Verification } from '../src/verification.js';
import { failedChecks, type World } from './world.js';

export const FILE_BYTES = Buffer.from('the widget');
export const FILE_DIGEST: Digest = sha256(FILE_BYTES);

export interface FileOutcome {
  readonly code: string | undefined;
  /** Failed checks to their codes. */
  readonly failed: Readonly<Record<string, string>>;
  readonly verification: Verification | undefined;
  readonly outputs: Readonly<Record<string, string | undefined>>;
}

/** The verify action over one file and bundles in a folder; no registry takes part. */
export interface FileBench {
  readonly kit: TestContext;
  verify(bundles: readonly string[], inputs?: Readonly<Record<string, string>>): Promise<FileOutcome>;
  dispose(): Promise<void>;
}

export async function startFileBench(world: Pick<World, 'identity'>): Promise<FileBench> {
  const kit = await testContext({ action: 'verify' });
  const file = join(kit.workspace, 'widget.tgz');
  await writeFile(file, FILE_BYTES);
  return {
    kit,
    async verify(bundles, inputs = {}) {
      const folder = await mkdtemp(join(kit.temp, 'bundles-'));
      for (const [index, text] of bundles.entries()) await writeFile(join(folder, `${index}.sigstore.json`), text);
      try {
        const given = await kit.inputs(definition, {
          ...world.identity,
          files: file,
          bundles: folder,
          require: 'provenance',
          ...inputs,
        });
        return await outcome(await run(given, kit.context), undefined);
      } catch (error) {
        return await outcome((error as { outputs?: FileOutcome['outputs'] }).outputs ?? {}, error);
      }
    },
    dispose: () => kit.dispose(),
  };
}

async function outcome(outputs: FileOutcome['outputs'], error: unknown): Promise<FileOutcome> {
  const path = outputs['verification-path'];
  const verification = path === undefined ? undefined : (JSON.parse(await readFile(path, 'utf8')) as Verification);
  return {
    code: error === undefined ? undefined : ((error as { code?: string }).code ?? String(error)),
    failed: verification === undefined ? {} : failedChecks(verification),
    verification,
    outputs,
  };
}
