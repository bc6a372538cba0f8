import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Digest, parseDigest } from '@paved/digest';
import { OciError, type OciLayout, openLayout } from '@paved/oci';
import { expectThat } from '../suite.js';

const FOLDER = resolve('../shared/fixtures');

/** Fixtures that are refused, and why; every other root of every layout is pushed. */
const REFUSED: Readonly<Record<string, string>> = {
  // The index says the type of OCI about manifests that call themselves Docker's.
  'oci-layouts/ggcr-test_index eebff607b162': 'MANIFEST_AMBIGUOUS',
  'oci-layouts/ggcr-test_index 05f95b26ed10': 'MANIFEST_AMBIGUOUS',
  'oci-layouts/ggcr-test_index 2b29a2b8dea3': 'MANIFEST_AMBIGUOUS',
  // A descriptor of a descriptor.
  'oci-layouts/ggcr-test_index 325899857025': 'LAYOUT_INVALID',
  // Ten of its eleven platforms are missing.
  'oci-layouts/tar/hello-world.tar faa03e786c97': 'LAYOUT_INVALID',
  'oci-layouts/trivy-test_bad_index_json.oci': 'MANIFEST_INVALID',
  'oci-layouts/trivy-test_no_valid_manifests.oci': 'MANIFEST_INVALID',
  'oci-layouts/docker-archive/null_manifest.tar': 'LAYOUT_INVALID',
  'oci-layouts/docker-archive/test_bundle.tar': 'LAYOUT_INVALID',
};

/** The one archive among the evil ones that is only strange: an image of whiteouts, as docker saves it. */
const HARMLESS = 'image/whiteout_image.tar';

export interface Fixture {
  readonly name: string;
  readonly path: string;
  readonly digest: Digest | undefined;
  /** `pushed`, or the code of the refusal. */
  readonly expected: string;
}

/** @throws when the folder is missing: a test that had nothing to look at has not passed */
export async function layoutFixtures(): Promise<readonly Fixture[]> {
  const { layouts, dockerArchives } = (await readExpected('oci-layouts')) as {
    layouts: Record<string, { manifests?: { digest: string }[] }>;
    dockerArchives: Record<string, unknown>;
  };
  const found: Fixture[] = [];
  for (const [name, { manifests = [] }] of Object.entries(layouts)) {
    const roots = [...new Set(manifests.map(({ digest }) => parseDigest(digest)))];
    for (const digest of roots) found.push(fixture(`oci-layouts/${name}`, digest));
    if (roots.length === 0) found.push(fixture(`oci-layouts/${name}`, undefined));
  }
  for (const name of Object.keys(dockerArchives)) found.push(fixture(`oci-layouts/${name}`, undefined));
  return found;
}

/** As {@link layoutFixtures}: all but one are refused. */
export async function evilArchives(): Promise<readonly Fixture[]> {
  const { files } = (await readExpected('evil-archives')) as { files: Record<string, unknown> };
  return Object.keys(files).map((name) => ({
    ...fixture(`evil-archives/${name}`, undefined),
    expected: name === HARMLESS ? 'pushed' : 'LAYOUT_INVALID',
  }));
}

/** The layout, where it is one that is pushed; where it is not, the refusal is the expected one. */
export async function openFixture({ name, path, digest, expected }: Fixture): Promise<OciLayout | undefined> {
  try {
    const layout = await openLayout(path, { digest, blobs: 'when-read' });
    expectThat(`${name} is refused with ${expected}`, expected === 'pushed');
    return layout;
  } catch (error) {
    if (!(error instanceof OciError)) throw error;
    expectThat(`${name}: ${expected}`, error.code === expected, `${error.code}: ${error.message}`);
    return undefined;
  }
}

function fixture(name: string, digest: Digest | undefined): Fixture {
  const key = digest === undefined ? name : `${name} ${digest.slice('sha256:'.length, 'sha256:'.length + 12)}`;
  return { name: key, path: join(FOLDER, name), digest, expected: REFUSED[key] ?? 'pushed' };
}

async function readExpected(set: string): Promise<unknown> {
  const path = join(FOLDER, set, 'expected.json');
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new Error(`Cannot read the fixtures in "${path}": put them beside the repository and run the suite again`, {
      cause,
    });
  }
}
