import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import type { RunResult } from '@paved/local-runner';
import { chooseIsolation } from '../demo/isolation.js';
import { createProject } from '../demo/project.js';
import { type Published, readPublished } from '../demo/published.js';
import { ATTACKS, runAttack } from '../demo/refusals.js';
import { release } from '../demo/release.js';
import { verifyImage } from '../demo/verify.js';
import { openWorld, type World } from '../demo/world.js';

const OWNER = { owner: 'acme', name: 'example', id: '7001', ownerId: '70' } as const;
const IDENTITY = { repositoryId: OWNER.id, ownerId: OWNER.ownerId };
const REPOSITORY = 'acme/example/tool';
const SOURCE = 'examples/node-package';

/** Looks wherever a token could lie, and leaves what it finds as an output of the build. No file may grow beyond what is read of it. */
const HUNT = `
mkdir -p dist
{ env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; } > dist/hunt.txt
find /tmp /home /root /run /var /opt "$PWD" -xdev -type f -size -64k 2>/dev/null | grep -v /node_modules/ > /tmp/files || true
xargs -r -d '\\n' head -qc 65536 < /tmp/files 2>/dev/null | tr '\\0' '\\n' | grep -aE 'ghs_|eyJhbGciOi' >> dist/hunt.txt || true
`;
const INPUTS = { name: 'tool', version: '1.0.0', command: `npm run build\n${HUNT}`, 'output-path': 'dist' };

/** GITHUB_TOKEN, a JWT, an access token of the registry. */
const TOKEN = /ghs_[A-Za-z0-9]{20}|eyJhbGciOi[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}|access-[0-9a-f]{8}-/;

let world: World;
let run: RunResult;
let published: Published;

beforeAll(async () => {
  const { isolation } = await chooseIsolation();
  world = await openWorld({ folder: mkdtempSync(join(tmpdir(), 'paved-road-')), isolation });
  const caller = createProject(join(world.folder, 'caller'), { ...OWNER, source: SOURCE, inputs: INPUTS });
  run = await release(world, { caller });
  published = readPublished(world, REPOSITORY, run.outputs.release?.digest ?? '', join(world.folder, 'published'));
}, 120_000);

afterAll(async () => {
  await world.close();
  rmSync(world.folder, { recursive: true, force: true });
});

function failures(result: RunResult): readonly string[] {
  const steps = result.jobs.flatMap((job) => job.steps.filter((step) => step.outcome === 'failure'));
  return [
    ...(result.error === undefined ? [] : [result.error.message]),
    ...steps.map((step) => `${step.name}: ${step.log.slice(-1500)}`),
  ];
}

describe('a release', () => {
  test('goes through build, inspect and seal', () => {
    expect(failures(run)).toEqual([]);
    expect(run.jobs.map(({ id, result }) => [id, result])).toEqual([
      ['build', 'success'],
      ['inspect', 'success'],
      ['seal', 'success'],
    ]);
    expect(run.outputs.release).toMatchObject({ verdict: 'pass', digest: published.digest });
  });

  test('leaves one tag, and every statement beside the artifact', () => {
    expect(published.tags).toEqual(['1.0.0']);
    expect(published.bundles.map((bundle) => bundle.predicateType).sort()).toEqual([
      'https://cyclonedx.org/bom',
      'https://github.com/org/paved/docs/predicates/verdict/v1',
      'https://sigstore.dev/cosign/sign/v1',
      'https://slsa.dev/provenance/v1',
      'https://slsa.dev/verification_summary/v1',
      'https://spdx.dev/Document/v2.3',
    ]);
  });

  test('is accepted by verify, and by nobody who expects another owner, commit or tag', async () => {
    const reference = `${world.registryHost}/${REPOSITORY}@${published.digest}`;
    expect(await verifyImage(world, reference, IDENTITY, '1.0.0')).toMatchObject({ ok: true });
    expect(await verifyImage(world, reference, { ...IDENTITY, ownerId: '71' }, '1.0.0')).toMatchObject({ ok: false });
    expect(await verifyImage(world, reference, { ...IDENTITY, repositoryId: '7002' }, '1.0.0')).toMatchObject({
      ok: false,
    });
    expect(await verifyImage({ ...world, platformCommit: 'f'.repeat(40) }, reference, IDENTITY, '1.0.0')).toMatchObject(
      { ok: false },
    );
    expect(await verifyImage(world, reference, IDENTITY, '1.0.1')).toMatchObject({ ok: false });
  }, 60_000);
});

describe('rule 1: where a token can be minted, only paved runs', () => {
  test('seal starts no process', () => {
    const seal = run.jobs.find((job) => job.id === 'seal');
    expect(seal?.steps.flatMap((step) => step.childProcesses)).toEqual([]);
    expect(seal?.steps.length).toBeGreaterThan(10);
  });

  test('only seal asked for an identity token', () => {
    const asked = world.github.requests.filter((request) => request.path === '/_oidc/token');
    expect(new Set(asked.map((request) => request.job))).toEqual(new Set(['release / seal']));
  });

  test('a build that looks for tokens finds none', () => {
    const hunt = published.files.find((file) => file.name.endsWith('hunt.txt'));
    const found = readFileSync(hunt?.path ?? '', 'utf8');
    expect(found).toContain('PATH=');
    expect(found).not.toMatch(TOKEN);
    expect(found).not.toMatch(/ACTIONS_|GITHUB_TOKEN|RUNNER_TEMP/);
  });

  test('and would find one that is there', () => {
    const cwd = mkdtempSync(join(tmpdir(), 'hunt-'));
    spawnSync('/bin/sh', ['-ec', HUNT], {
      cwd,
      env: { PATH: process.env.PATH, GITHUB_TOKEN: `ghs_${'a'.repeat(36)}` },
    });
    expect(readFileSync(join(cwd, 'dist/hunt.txt'), 'utf8')).toMatch(TOKEN);
  });

  test('no log, summary, annotation or output carries a token', () => {
    expect(JSON.stringify(run)).not.toMatch(TOKEN);
  });
});

describe('rule 6: the tag comes last', () => {
  test('no manifest is written after the first tag, and nothing is tagged before all referrers are there', () => {
    const writes = world.registry.requests.filter(
      (request) => request.method === 'PUT' && request.path.includes('/manifests/'),
    );
    const tag = writes.findIndex((request) => !request.path.includes('/manifests/sha256'));
    expect(tag).toBe(writes.length - 1);
    // The artifact, five statements about it, the verification summary, and the tag.
    expect(new Set(writes.map((request) => request.path)).size).toBe(8);
  });
});

describe('the evidence', () => {
  test('is complete: every file is signed, and the manifest names it by digest', () => {
    const files = readdirSync(world.evidenceStore, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    const manifestPath = files.find((path) => path.endsWith('/manifest.json')) ?? '';
    const root = manifestPath.slice(0, -'manifest.json'.length);
    const listed: readonly { path: string; size: number; sha256: string }[] = JSON.parse(
      readFileSync(manifestPath, 'utf8'),
    ).files;
    expect(
      listed.map((file) => file.path).filter((path) => /^(sboms|attestations|scans)\/noarch\//.test(path)).length,
    ).toBeGreaterThan(4);
    for (const file of listed) {
      const bytes = readFileSync(join(root, file.path));
      expect([bytes.length, sha256(bytes)]).toEqual([
        file.size,
        file.sha256.startsWith('sha256:') ? file.sha256 : `sha256:${file.sha256}`,
      ]);
      expect(files).toEqual(expect.arrayContaining([`${root}${file.path}.sig`, `${root}${file.path}.sigstore.json`]));
    }
  });
});

describe('the road refuses', () => {
  const code: Readonly<Record<string, string>> = {
    'changed-byte': 'HANDOFF_DIGEST_MISMATCH',
    kev: 'GATE_BLOCKED',
    'other-repository': 'REPOSITORY_MISMATCH',
    'planted-statement': 'PLANTED_STATEMENT',
    'own-server': 'WORKFLOW_INVALID, REGISTRY_NOT_ALLOWED',
  };

  test.each([...ATTACKS.keys()])(
    'attack %i',
    async (index) => {
      const refusal = await runAttack(
        {
          world,
          source: SOURCE,
          inputs: { ...INPUTS, command: 'npm run build' },
          published: { repository: REPOSITORY, digest: published.digest, tag: '1.0.0' },
          owner: IDENTITY,
        },
        index,
      );
      expect(refusal).toMatchObject({ refused: true, code: code[refusal.id] });
    },
    120_000,
  );
});
