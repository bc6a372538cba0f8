import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bomOfFetchManifest, type FetchedPackage, mergeBoms, purlOf, writeCycloneDx, writeSpdx } from '@paved/bom';
import { sha256 } from '@paved/digest';
import type { Verdict } from '@paved/gate';
import { RefusalError } from '@paved/runner-kit';
import { type TestContext, type TestContextOptions, testContext } from '@paved/runner-kit/testing';
import yazl from 'yazl';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';

export const AS_OF = '2025-08-26T00:00:00Z';
export const FIXTURES = join(process.cwd(), 'test', 'fixtures');
export const ARTIFACT = 'the released bytes';

/** Writes a zip with the given entries; names are not checked, so that hostile ones can be made by replacing bytes. */
export async function zip(path: string, entries: Readonly<Record<string, string | Buffer>>): Promise<void> {
  const archive = new yazl.ZipFile();
  for (const [name, content] of Object.entries(entries)) archive.addBuffer(Buffer.from(content), name);
  archive.end();
  const file = createWriteStream(path);
  archive.outputStream.pipe(file);
  await once(file, 'close');
}

export async function goRecords(...ids: readonly string[]): Promise<Record<string, string>> {
  const texts = ids.map(async (id) => [
    `${id}.json`,
    await readFile(join(FIXTURES, 'osv', 'Go', `${id}.json`), 'utf8'),
  ]);
  return Object.fromEntries(await Promise.all(texts));
}

export function fetched(ecosystem: 'npm' | 'Go', name: string, version: string): FetchedPackage {
  return {
    purl: purlOf(ecosystem, name, version),
    name,
    version,
    ecosystem,
    size: 1,
    digests: { sha256: 'a'.repeat(64) },
    lockDigest: '',
    direct: true,
    scope: 'runtime',
    dependencies: [],
    locations: [],
  };
}

export interface Scenario {
  readonly kit: TestContext;
  /** Writes a file below the workspace. */
  write(path: string, content: string | Buffer): Promise<string>;
  /** Writes both SBOMs of `packages`, about `bytes`. */
  sboms(packages: readonly FetchedPackage[], bytes?: string): Promise<void>;
  run(texts: Record<string, string>): Promise<Record<string, string | undefined>>;
  /** Runs the gate and reads the verdict, whether it passes or refuses. */
  verdict(texts?: Record<string, string>): Promise<Verdict & { readonly message: string }>;
}

/** A workspace with one released file, a database of one harmless record and the real catalogue's subset. */
export async function scenario(options: TestContextOptions = {}): Promise<Scenario> {
  const kit = await testContext({ action: 'scan-gate', ...options });
  const at = (path: string) => join(kit.workspace, path);
  const write = async (path: string, content: string | Buffer) => {
    await mkdir(dirname(at(path)), { recursive: true });
    await writeFile(at(path), content);
    return at(path);
  };
  await write('out/app.tgz', ARTIFACT);
  await write('kev.json', await readFile(join(FIXTURES, 'kev', 'kev.json')));
  await zip(at('go.zip'), await goRecords('GO-2022-0535', 'GO-2021-0053', 'GO-2022-0617'));
  const start = async (texts: Record<string, string>) => await run(await kit.inputs(definition, texts), kit.context);
  return {
    kit,
    write,
    async sboms(packages, bytes = ARTIFACT) {
      const manifest = {
        mediaType: 'application/vnd.paved.fetch-manifest.v1+json',
        source: { repository: 'https://github.com/octo/app', sha: '1'.repeat(40), path: '' },
        root: { name: 'app', version: '1.0.0', purl: 'pkg:npm/app@1.0.0' },
        lockfiles: [],
        packages,
        fetchedAt: AS_OF,
      } as const;
      const context = {
        subjects: [{ name: 'app.tgz', digest: sha256(bytes) }],
        componentType: 'application',
        created: AS_OF,
        tool: { name: 'test', version: '1' },
        supplier: { name: 'octo' },
      } as const;
      const bom = mergeBoms([bomOfFetchManifest(manifest)]);
      await write('sboms/sbom-cyclonedx.json', writeCycloneDx(bom, context));
      await write('sboms/sbom-spdx.json', writeSpdx(bom, context));
    },
    run: start,
    async verdict(texts = {}) {
      const all = { sboms: 'sboms', 'subjects-path': 'out', 'as-of': AS_OF, ...DATABASES, ...texts };
      const read = async (path: string | undefined) => JSON.parse(await readFile(path ?? '', 'utf8')) as Verdict;
      try {
        return { ...(await read((await start(all))['verdict-path'])), message: '' };
      } catch (error) {
        if (!(error instanceof RefusalError)) throw error;
        return { ...(await read(error.outputs['verdict-path'])), message: `${error.code}: ${error.message}` };
      }
    },
  };
}

export const DATABASES = { 'osv-database': 'Go=go.zip', kev: 'kev.json' } as const;
