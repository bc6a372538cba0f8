import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import {
  buildArtifactManifest,
  bytesSource,
  describeBytes,
  EMPTY_CONFIG,
  EMPTY_CONFIG_BYTES,
  parseRegistryHost,
  parseRepositoryName,
  parseTag,
  RegistryClient,
} from '@paved/oci';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { type RegistryDouble, startRegistry } from '@paved/testkit';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';

const FILE = sha256('the widget');

describe('plan', () => {
  let registry: RegistryDouble;
  let kit: TestContext;
  beforeEach(async () => {
    registry = await startRegistry({ auth: 'anonymous' });
    kit = await testContext({ action: 'rescan' });
  });
  afterEach(async () => {
    await kit.dispose();
    await registry.close();
  });

  const manifestOf = (text: string) => {
    const config = describeBytes('application/vnd.oci.image.config.v1+json', Buffer.from(text));
    return buildArtifactManifest({
      artifactType: 'application/vnd.test',
      layers: [],
      annotations: { text: config.digest },
    });
  };
  const release = async (tag: string, text = tag, { host, credentials } = registry) => {
    const basic = { kind: 'basic', ...credentials } as const;
    const client = new RegistryClient({
      registry: parseRegistryHost(host),
      http: kit.context.http,
      credentials: basic,
    });
    const repository = client.repository(parseRepositoryName('octo/app'), 'push');
    const manifest = manifestOf(text);
    await repository.pushBlob(bytesSource(EMPTY_CONFIG, EMPTY_CONFIG_BYTES));
    await repository.pushManifest(manifest, { tag: parseTag(tag) });
    return manifest.digest;
  };
  const planned = async (images: string, more: Record<string, string> = {}) => {
    const inputs = await kit.inputs(definition, { mode: 'plan', images, ...more });
    const outputs = await run(inputs, kit.context);
    return JSON.parse(outputs.images ?? '') as readonly string[];
  };

  test('finds the newest versions of a repository, and no single architecture', async () => {
    for (const tag of ['1.0.0', '1.10.0', '1.9.0', '1.10.0-amd64', 'latest', 'sha256-abc']) await release(tag);
    const images = await planned(`${registry.host}/octo/app`, { keep: '2' });
    const digests = ['1.10.0', '1.9.0'].map((tag) => manifestOf(tag).digest);
    expect(images).toEqual(digests.map((digest) => `${registry.host}/octo/app@${digest}`));
  });

  test('one digest with two versions is one release', async () => {
    await release('1.0.0', 'same');
    await release('1.0.1', 'same');
    expect(await planned(JSON.stringify([`${registry.host}/octo/app`]))).toHaveLength(1);
  });

  test('takes references by digest as they are, without asking', async () => {
    const image = `${registry.host}/octo/app@${FILE}`;
    expect(await planned(`["${image}"]`)).toEqual([image]);
    expect(registry.requests).toEqual([]);
  });

  test('shows each repository its own credential of a host', async () => {
    const closed = await startRegistry({ auth: 'basic' });
    const auth = ({ username, password }: { readonly username: string; readonly password: string }) => ({
      auth: Buffer.from(`${username}:${password}`).toString('base64'),
    });
    const another = auth({ username: 'another', password: 'wrong' });
    const path = join(kit.temp, 'config.json');
    const auths = { [closed.host]: another, [`${closed.host}/octo/app`]: auth(closed.credentials) };
    try {
      await writeFile(path, JSON.stringify({ auths }));
      await release('1.0.0', 'app', closed);
      const image = `${closed.host}/octo/app`;
      expect(await planned(image, { 'registry-config': path })).toHaveLength(1);
      await writeFile(path, JSON.stringify({ auths: { [closed.host]: another } }));
      await expect(planned(image, { 'registry-config': path })).rejects.toMatchObject({
        code: 'REGISTRY_UNAUTHORIZED',
      });
    } finally {
      await closed.close();
    }
  });

  test.each([
    ['a tag', 'ghcr.io/octo/app:1.0.0', 'INPUT_INVALID'],
    ['no JSON', '["ghcr.io/octo/app"', 'INPUT_INVALID'],
    ['nothing', '[]', 'NOTHING_TO_RESCAN'],
    ['no registry', 'octo/app', 'REFERENCE_INVALID'],
    [
      'more than a matrix takes',
      Array.from({ length: 257 }, (_, n) => `ghcr.io/octo/app@${sha256(String(n))}`).join('\n'),
      'TOO_MANY_RELEASES',
    ],
  ])('refuses %s', async (_what, images, code) => {
    await expect(planned(images)).rejects.toMatchObject({ code });
  });

  test('a repository without versions is not clean', async () => {
    await release('latest');
    await expect(planned(`${registry.host}/octo/app`)).rejects.toMatchObject({ code: 'NOTHING_TO_RESCAN' });
  });
});
