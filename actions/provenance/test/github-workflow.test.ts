import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { parseProvenance, parseStatement } from '@paved/attestation';
import { buildGitHubWorkflowPredicate } from '../src/github-workflow-predicate.js';
import { parseJobClaims } from '../src/job-claims.js';
import { SHA, scenario } from './scenario.js';

const FIXTURES = new URL('../../../test/fixtures/attestations/', import.meta.url);

async function fixture(name: string): Promise<unknown> {
  return JSON.parse(await readFile(new URL(name, FIXTURES), 'utf8'));
}

describe("GitHub's own build type", () => {
  test('is made of the claims as GitHub makes it', async () => {
    // The upstream fixture is from before this claim.
    const claims = parseJobClaims({ job_workflow_sha: '', ...((await fixture('claims.json')) as object) });
    const { params } = (await fixture('provenance-predicate.json')) as { params: unknown };
    expect(buildGitHubWorkflowPredicate('https://foo.ghe.com', claims)).toEqual(params);
  });

  test('is stated on request, and needs no records of the build', async () => {
    const outcome = await scenario({
      inputs: {
        'build-type': 'github-workflow',
        'fetch-record-path': '',
        'build-record-path': '',
        'workflow-inputs': '',
      },
    });
    expect(outcome.error).toBeUndefined();
    const { predicate } = parseProvenance(parseStatement(await readFile(outcome.outputs?.['statement-path'] ?? '')));
    expect(Object.keys(predicate.buildDefinition.internalParameters ?? {})).toEqual(['github']);
    expect(Object.keys(predicate.buildDefinition.externalParameters)).toEqual(['workflow']);
    expect(predicate.buildDefinition.resolvedDependencies?.[0]?.digest).toEqual({ gitCommit: SHA });
    expect(predicate.runDetails.builder.version).toBeUndefined();
    await outcome.dispose();
  });

  test.each(['fetch-record-path', 'build-record-path', 'workflow-inputs'])(
    'is never a fallback: the road needs %s',
    async (name) => {
      const outcome = await scenario({ inputs: { [name]: '' } });
      expect(outcome.error).toMatchObject({ code: 'INPUT_INVALID' });
      await outcome.dispose();
    },
  );
});
