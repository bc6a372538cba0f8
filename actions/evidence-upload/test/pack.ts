import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256 } from '@paved/digest';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';

const BUNDLE = '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}';

export interface Bench {
  readonly kit: TestContext;
  run(inputs: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string | undefined>>>;
  write(path: string, body: string): Promise<string>;
  dispose(): Promise<void>;
}

export async function bench(): Promise<Bench> {
  const kit = await testContext({ action: 'evidence-upload' });
  return {
    kit,
    async run(inputs) {
      return await run(await kit.inputs(definition, { name: 'widget', ...inputs }), kit.context);
    },
    async write(path, body) {
      const file = join(kit.temp, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, body);
      return file;
    },
    dispose: () => kit.dispose(),
  };
}

/** Files of a release in the folders that the other actions write. */
export async function sourcesOf({ kit, write }: Bench): Promise<Record<string, string>> {
  await write('sboms/b.json', '{"bomFormat":"CycloneDX"}');
  await write('sboms/a.json', '{"spdxVersion":"SPDX-2.3"}');
  await write('bundles/provenance.sigstore.json', BUNDLE);
  const subject = { name: 'widget.tgz', digest: sha256('widget') };
  const entry = { path: 'provenance.sigstore.json', content: 'dsse', slot: 'provenance', subjects: [subject] };
  const bundles = [{ ...entry, sha256: sha256(BUNDLE) }];
  await write('bundles/index.json', JSON.stringify({ mediaType: 'application/vnd.paved.bundles.v1+json', bundles }));
  await write('gate/verdict.json', '{"verdict":"pass"}');
  await write('record/build-record.json', '{}');
  await write('record/build.log', 'built');
  await write('paved/events/sign-1.jsonl', '{"stage":"sign"}\n');
  return {
    sboms: join(kit.temp, 'sboms'),
    'bundles-path': join(kit.temp, 'bundles'),
    scans: join(kit.temp, 'gate/verdict.json'),
    logs: join(kit.temp, 'record'),
  };
}

/** Puts beside each file what `sign` puts there; the signature itself is not looked at here. */
export async function signPack(folder: string): Promise<void> {
  for (const path of await filesOf(folder)) {
    const digest = Buffer.from(sha256(await readFile(join(folder, path))).slice(7), 'hex').toString('base64');
    const messageSignature = { messageDigest: { algorithm: 'SHA2_256', digest }, signature: 'AAAA' };
    await writeFile(join(folder, `${path}.sig`), 'AAAA');
    await writeFile(join(folder, `${path}.sigstore.json`), JSON.stringify({ messageSignature }));
  }
}

export async function filesOf(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** A pack that was assembled and signed. */
export async function signedPack(stage: Bench): Promise<string> {
  const outputs = await stage.run({ mode: 'pack', ...(await sourcesOf(stage)) });
  const folder = outputs['pack-path'] ?? '';
  await signPack(folder);
  return folder;
}
