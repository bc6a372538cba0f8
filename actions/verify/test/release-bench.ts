import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import type { PredicateSlot } from '@paved/attestation';
import type { GitHubClaimsOptions, RegistryOptions } from '@paved/testkit';
import { VerificationError } from '../src/error.js';
import type { Verification } from '../src/verification.js';
import {
  type Bench,
  failedChecks,
  honest,
  type Json,
  type Outcome,
  startBench,
  startWorld,
  type World,
} from './world.js';

export const SLOTS = ['provenance', 'sbom-cyclonedx', 'sbom-spdx', 'verdict'] as const;

export type Predicates = ReturnType<typeof honest>;

export interface Release {
  readonly change?: (predicates: Predicates) => void;
  readonly slots?: readonly (typeof SLOTS)[number][];
  readonly claims?: GitHubClaimsOptions;
  readonly tag?: string;
}

export interface ReleaseBench {
  /** From the first test of the file on. */
  readonly world: () => World;
  /** Gone after the test. */
  readonly start: (options?: RegistryOptions) => Promise<Bench>;
  /** Signs and pushes what an honest release has, after `change`. */
  readonly release: (bench: Bench, release?: Release) => Promise<void>;
}

/** One world for all tests of the file that calls it. */
export function releaseBench(): ReleaseBench {
  let world: World;
  const open: Bench[] = [];
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.close());
  afterEach(async () => {
    for (const bench of open.splice(0)) await bench.dispose();
  });
  return {
    world: () => world,
    async start(options = {}) {
      const bench = await startBench(world, options);
      open.push(bench);
      return bench;
    },
    async release(bench, { change, slots = SLOTS, claims, tag } = {}) {
      const predicates = honest(bench.digest);
      change?.(predicates);
      const bundles = await Promise.all(
        slots.map((slot) => world.sign(slot as PredicateSlot, predicates[slot], bench.digest, claims)),
      );
      await bench.push(bundles, tag);
    },
  };
}

export async function verificationOf(outcome: Outcome): Promise<Verification> {
  return JSON.parse(await readFile(outcome.outputs['verification-path'] ?? '', 'utf8')) as Verification;
}

export async function refusedBy(outcome: Outcome): Promise<Record<string, string>> {
  expect(outcome.error).toBeInstanceOf(VerificationError);
  const verification = await verificationOf(outcome);
  expect([verification.ok, outcome.outputs['vsa-path']]).toEqual([false, undefined]);
  expect((outcome.error as VerificationError).checks).toEqual(verification.checks);
  return failedChecks(verification);
}

export function definitionOf(predicates: Predicates): Record<string, Json> {
  return predicates.provenance.buildDefinition as Record<string, Json>;
}
