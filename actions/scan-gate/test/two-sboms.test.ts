import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { digestHex, sha256 } from '@paved/digest';
import { ARTIFACT, type Scenario, scenario } from './scenario.js';

describe('two documents about one package', () => {
  let s: Scenario;
  beforeEach(async () => {
    s = await scenario();
  });
  afterEach(() => s.kit.dispose());

  const cycloneDx = (...licences: readonly string[]) => ({
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        name: 'app.tgz',
        hashes: [{ alg: 'SHA-256', content: digestHex(sha256(ARTIFACT)) }],
      },
    },
    components: [
      {
        ...{ type: 'library', name: 'stdlib', version: '1.13.7', purl: 'pkg:golang/stdlib@1.13.7' },
        licenses: licences.map((id) => ({ license: { id } })),
      },
    ],
  });
  const policy = JSON.stringify({ licences: { deny: ['GPL-3.0-only'] } });

  test.each<readonly [readonly string[], readonly string[], string]>([
    [['MIT'], ['GPL-3.0-only'], 'fail'],
    [['GPL-3.0-only'], ['MIT'], 'fail'],
    [[], ['GPL-3.0-only'], 'fail'],
    [['MIT'], ['MIT'], 'pass'],
    [['MIT'], [], 'pass'],
  ])('licences %j and %j: %s', async (first, second, verdict) => {
    await s.write('sboms/a.json', JSON.stringify(cycloneDx(...first)));
    await s.write('sboms/b.json', JSON.stringify(cycloneDx(...second)));
    expect(await s.verdict({ policy })).toMatchObject({ verdict });
  });
});
