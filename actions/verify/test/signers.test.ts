import { describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import type { GitHubClaimsOptions } from '@paved/testkit';
import { refusedBy, releaseBench, SLOTS } from './release-bench.js';
import { honest } from './world.js';

const { release, start, world } = releaseBench();

const SIGNERS: readonly (readonly [string, GitHubClaimsOptions, string])[] = [
  ['another repository id', { repositoryId: '1' }, 'REPOSITORY_MISMATCH'],
  ['another owner id', { ownerId: '1' }, 'OWNER_MISMATCH'],
  ['another commit of the workflow', { jobWorkflowSha: 'b'.repeat(40) }, 'SIGNER_DIGEST_MISMATCH'],
  ['another workflow', { jobWorkflowRef: 'org/paved/.github/workflows/other.yml@refs/tags/v1' }, 'WORKFLOW_MISMATCH'],
  ['another ref', { ref: 'refs/heads/topic' }, 'REF_MISMATCH'],
  ['a self-hosted runner', { runnerEnvironment: 'self-hosted' }, 'RUNNER_ENVIRONMENT_MISMATCH'],
];

describe('a signature of', () => {
  test.each(SIGNERS)('%s is as good as none', async (_name, claims, code) => {
    const bench = await start();
    await release(bench, { claims });
    expect(await refusedBy(await bench.verify())).toMatchObject(
      Object.fromEntries(SLOTS.map((slot) => [`${slot}-signed`, code])),
    );
  });

  test('another artifact is as good as none', async () => {
    const bench = await start();
    const other = sha256('another artifact');
    const predicates = honest(other);
    await bench.push(await Promise.all(SLOTS.map((slot) => world().sign(slot, predicates[slot], other))));
    expect(await refusedBy(await bench.verify())).toMatchObject({ 'provenance-signed': 'SUBJECT_MISMATCH' });
  });

  test('a stranger beside the right ones changes nothing', async () => {
    const bench = await start();
    await release(bench);
    await bench.push([await world().sign('provenance', {}, bench.digest, { repositoryId: '1' })]);
    expect((await bench.verify()).error).toBeUndefined();
  });

  test('one byte changed in the payload is refused', async () => {
    const bench = await start();
    const bundle = JSON.parse(await world().sign('provenance', honest(bench.digest).provenance, bench.digest));
    const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString().replace('npm pack', 'npm pacK');
    bundle.dsseEnvelope.payload = Buffer.from(payload).toString('base64');
    await bench.push([JSON.stringify(bundle)]);
    expect(await refusedBy(await bench.verify({ require: 'provenance' }))).toMatchObject({
      'provenance-signed': expect.stringMatching(/SIGNATURE_INVALID|LOG_ENTRY_MISMATCH/),
    });
  });
});
