import { PREDICATE_TYPES } from '@paved/attestation';
import type { Descriptor } from '@paved/oci';
import type { InputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { parseRequirements } from './requirements.js';

type Inputs = Pick<
  InputsOf<typeof definition>,
  'require' | 'children' | 'child-require' | 'vsa' | 'explain' | 'print-commands'
>;

/** Where cosign and paved say beside a bundle what it holds (cosign, BUNDLE_SPEC). */
const PREDICATE_TYPE = 'dev.sigstore.bundle.predicateType';

/**
 * Which of an image's bundles are fetched. A plain signature says nothing but that it is there, so one that nobody asks for stays where
 * it is. An annotation that lies can hide a bundle, as whoever wrote it could anyway, and make no other one count.
 */
export function wantedBundles(inputs: Inputs): (descriptor: Descriptor) => boolean {
  const { require } = parseRequirements([...inputs.require, ...(inputs.children ? inputs['child-require'] : [])]);
  const all = require.includes('signature') || inputs.vsa || inputs.explain || inputs['print-commands'];
  return ({ annotations }) => all || annotations?.[PREDICATE_TYPE] !== PREDICATE_TYPES.signature;
}
