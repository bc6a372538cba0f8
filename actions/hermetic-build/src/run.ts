import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import { SANDBOX_METHODS, type SandboxMethod } from '@paved/sandbox';
import { testPhase } from './application/test-phase.js';
import { buildPhase } from './build/build-phase.js';
import { dockerfileBuildPhase } from './buildkit/build-dockerfile.js';
import type { definition } from './definition.js';
import { dryPhase } from './dry/dry-phase.js';
import { HermeticBuildError } from './error.js';
import { fetchPhase } from './fetch/fetch-phase.js';
import { refused } from './fetch/registry-client.js';
import { type CopaSource, RELEASED_COPA } from './patch/locked-copa.js';
import { comparePhase } from './reproduce/compare-phase.js';
import { reproducePhase } from './reproduce/reproduce-phase.js';

export type Inputs = InputsOf<typeof definition>;
export type Outputs = OutputsOf<typeof definition>;

/**
 * @throws {HermeticBuildError} see its codes; in `all`, nothing of the command runs unless the fetch phase succeeded
 * @param candidates sandbox methods to try, in order
 * @param copa where the program that patches comes from
 * @throws {HttpError} when the registry does not answer
 */
export async function run(
  inputs: Inputs,
  context: ActionContext,
  candidates: readonly SandboxMethod[] = SANDBOX_METHODS,
  copa: CopaSource = RELEASED_COPA,
): Promise<Outputs> {
  const { phase } = inputs;
  if (inputs['registry-token'] !== undefined && phase !== 'fetch' && phase !== 'dry') {
    throw refused(
      `phase ${phase} runs user code in this job`,
      'Fetch in a job of its own with phase fetch, hand bundle-path over, and build without the token',
    );
  }
  if (phase === 'dry') return await dryPhase(inputs, context);
  if (phase === 'test') return await testPhase(inputs, context, candidates);
  if (phase === 'compare') return await comparePhase(inputs, context);
  const fetched = phase === 'build' ? {} : await fetchPhase(inputs, context, candidates, copa);
  if (phase === 'fetch') return fetched;
  const bundlePath = phase === 'all' || phase === 'reproduce' ? fetched['bundle-path'] : inputs['bundle-path'];
  if (bundlePath === undefined) {
    throw new HermeticBuildError('BUNDLE_INCOMPLETE', 'Cannot build: bundle-path is empty', {
      hint: 'Set bundle-path to the output of the fetch phase, or phase to all',
    });
  }
  const once = inputs.dockerfile === undefined ? buildPhase : dockerfileBuildPhase;
  const build = () => once(inputs, bundlePath, context, candidates);
  return { ...fetched, ...(phase === 'reproduce' ? await reproducePhase(build, context) : await build()) };
}
