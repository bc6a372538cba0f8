import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { parseStatement, parseVsa } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import { definitionOf, type Predicates, refusedBy, releaseBench, SLOTS } from './release-bench.js';
import { honest, type Json } from './world.js';

const { release, start, world } = releaseBench();

const CONTENT: readonly (readonly [string, (predicates: Predicates) => void, Record<string, string>])[] = [
  [
    'another builder',
    (p) => Object.assign(p.provenance.runDetails as Json, { builder: { id: 'https://github.com/x', version: {} } }),
    { 'builder-id': 'BUILDER_ID_MISMATCH', 'workflow-commit': 'WORKFLOW_COMMIT_MISMATCH' },
  ],
  [
    'another build type',
    (p) => Object.assign(definitionOf(p), { buildType: 'https://example.com/b' }),
    { 'build-type': 'BUILD_TYPE_UNKNOWN' },
  ],
  [
    'another source repository',
    (p) =>
      Object.assign(definitionOf(p).externalParameters ?? {}, {
        source: { repository: 'https://github.com/acme/other', ref: 'refs/heads/main' },
      }),
    { 'source-repository': 'SOURCE_REPOSITORY_MISMATCH' },
  ],
  [
    'another source commit',
    (p) =>
      Object.assign(definitionOf(p), {
        resolvedDependencies: [
          { uri: 'git+https://github.com/acme/widget@refs/heads/main', digest: { gitCommit: 'f'.repeat(40) } },
        ],
      }),
    { 'source-commit': 'SOURCE_COMMIT_MISMATCH' },
  ],
  [
    'no source',
    (p) => Object.assign(definitionOf(p), { resolvedDependencies: [] }),
    { 'source-commit': 'SOURCE_COMMIT_MISMATCH' },
  ],
  [
    'another run',
    (p) => Object.assign(p.provenance.runDetails as Json, { metadata: { invocationId: 'https://github.com/x' } }),
    { invocation: 'INVOCATION_MISMATCH' },
  ],
  [
    'missing inputs',
    (p) => delete definitionOf(p).externalParameters?.inputs,
    { 'external-parameters': 'EXTERNAL_PARAMETERS_MISSING' },
  ],
  [
    'a parameter that nobody knows',
    (p) => Object.assign(definitionOf(p).externalParameters ?? {}, { vars: {} }),
    { 'external-parameters': 'EXTERNAL_PARAMETERS_UNKNOWN' },
  ],
  [
    'the mark of a rehearsal',
    (p) => Object.assign(definitionOf(p).internalParameters ?? {}, { rehearsal: true }),
    { 'builder-id': 'REHEARSAL_REFUSED' },
  ],
  [
    'the mark of a rehearsal with another value',
    (p) => Object.assign(definitionOf(p).internalParameters ?? {}, { rehearsal: false }),
    { 'builder-id': 'REHEARSAL_REFUSED' },
  ],
  [
    'the builder of a rehearsal',
    (p) => Object.assign((p.provenance.runDetails as { builder: Json }).builder, { id: 'https://x.example#rehearsal' }),
    { 'builder-id': 'REHEARSAL_REFUSED' },
  ],
  [
    'no build job',
    (p) => Object.assign(definitionOf(p).internalParameters ?? {}, { jobs: [] }),
    { 'build-jobs': 'BUILD_JOBS_MISSING' },
  ],
  [
    'self-hosted runners',
    (p) => Object.assign(definitionOf(p).internalParameters ?? {}, { selfHostedAllowed: true }),
    { 'build-jobs': 'SELF_HOSTED_ALLOWED' },
  ],
  [
    'no isolation',
    (p) => Object.assign(definitionOf(p).internalParameters ?? {}, { isolation: { method: 'none', hermetic: false } }),
    { isolation: 'ISOLATION_NONE' },
  ],
  [
    'a build that reached the network',
    (p) => Object.assign(definitionOf(p).internalParameters ?? {}, { isolation: { method: 'sudo', hermetic: false } }),
    { isolation: 'NOT_HERMETIC' },
  ],
  [
    'nothing about isolation',
    (p) => delete definitionOf(p).internalParameters?.isolation,
    { isolation: 'ISOLATION_MISSING' },
  ],
  ['a verdict that is no', (p) => Object.assign(p.verdict, { verdict: 'fail' }), { verdict: 'VERDICT_NOT_PASS' }],
  [
    'a verdict about another digest',
    (p) => Object.assign(p.verdict, { subject: { name: 'widget', digest: sha256('other') } }),
    { 'verdict-subject': 'VERDICT_SUBJECT_MISMATCH' },
  ],
  ['an SBOM that is none', (p) => delete p['sbom-cyclonedx'].bomFormat, { 'sbom-cyclonedx': 'SBOM_MALFORMED' }],
  [
    'an SPDX document that is none',
    (p) => Object.assign(p['sbom-spdx'], { spdxVersion: '3' }),
    { 'sbom-spdx': 'SBOM_MALFORMED' },
  ],
];

describe('evidence with', () => {
  test.each(CONTENT)('%s is refused', async (_name, change, expected) => {
    const bench = await start();
    await release(bench, { change });
    expect(await refusedBy(await bench.verify({ vsa: 'true', tag: '1.0.0' }))).toEqual(expected);
  });

  test('a rehearsal passes only where that is allowed by name, and only under its own builder', async () => {
    const marked = (suffix: string) => (p: Parameters<(typeof CONTENT)[number][1]>[0]) => {
      const { builder } = p.provenance.runDetails as { builder: { id: string } };
      builder.id += suffix;
      return Object.assign(definitionOf(p).internalParameters ?? {}, { rehearsal: true });
    };
    const bench = await start();
    await release(bench, { change: marked('#rehearsal') });
    expect(await refusedBy(await bench.verify())).toEqual({ 'builder-id': 'REHEARSAL_REFUSED' });
    expect((await bench.verify({ 'allow-rehearsal': 'true' })).error).toBeUndefined();
    const other = await start();
    await release(other, { change: marked('') });
    const outcome = await other.verify({ 'allow-rehearsal': 'true' });
    expect(await refusedBy(outcome)).toEqual({ 'builder-id': 'BUILDER_ID_MISMATCH' });
  });

  test('no isolation passes where that is allowed, and the summary does not call it hermetic', async () => {
    const bench = await start();
    const isolation = { method: 'none', hermetic: false };
    await release(bench, { change: (p) => Object.assign(definitionOf(p).internalParameters ?? {}, { isolation }) });
    const { outputs } = await bench.verify({ 'allow-isolation-none': 'true', vsa: 'true', tag: '1.0.0' });
    const { predicate } = parseVsa(parseStatement(await readFile(outputs['vsa-path'] ?? '')));
    expect(predicate.verifiedLevels).toEqual(['SLSA_BUILD_LEVEL_3']);
  });

  test.each(SLOTS)('no %s is refused', async (slot) => {
    const bench = await start();
    await release(bench, { slots: SLOTS.filter((other) => other !== slot) });
    expect(await refusedBy(await bench.verify())).toMatchObject({ [`${slot}-signed`]: 'ATTESTATION_MISSING' });
  });

  test('a later verdict that is no is refused, although an earlier one was yes', async () => {
    const bench = await start();
    await release(bench);
    const later = { ...honest(bench.digest).verdict, verdict: 'fail' };
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await bench.push([await world().sign('verdict', later, bench.digest)]);
    expect(await refusedBy(await bench.verify())).toEqual({ verdict: 'VERDICT_NOT_PASS' });
  });
});
