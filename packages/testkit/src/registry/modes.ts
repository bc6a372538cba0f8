import type { RegistryBehaviour } from './behaviour.js';

/** Registries whose observable behaviour the double can take on. */
export type RegistryMode =
  | 'plain'
  | 'ghcr'
  | 'docker-hub'
  | 'ecr'
  | 'artifact-registry'
  | 'acr'
  | 'harbor'
  | 'quay'
  | 'gitlab'
  | 'distribution'
  | 'zot'
  | 'jfrog'
  | 'crane';

const MIB = 1024 * 1024;
/** No referrers API, no conditional PUT, and a body in the first POST is ignored: what most registries share. */
const FALLBACK = { referrers: false, conditionalPut: false, singlePost: false } as const;

/** How each differs from distribution-spec 1.1.1 in its plain form; sources are in docs/registries.md. */
export const REGISTRY_MODES: Readonly<Record<RegistryMode, RegistryBehaviour>> = {
  plain: {},
  ghcr: { ...FALLBACK, announceSubject: true, maxRangeBytes: 4 * MIB },
  'docker-hub': { ...FALLBACK, announceSubject: true, acceptMissingSubject: false },
  ecr: {
    ...FALLBACK,
    announceSubject: true,
    acceptMissingSubject: false,
    missingSubjectStatus: 405,
    mountReferencedOnly: true,
    rangeStays: true,
    immutableStatus: 400,
  },
  'artifact-registry': FALLBACK,
  acr: { conditionalPut: false, singlePost: false },
  harbor: { conditionalPut: false, singlePost: false, immutableStatus: 412, unknownMountStatus: 401 },
  quay: { conditionalPut: false, singlePost: false, mountNeedsFrom: true },
  gitlab: FALLBACK,
  distribution: FALLBACK,
  zot: { conditionalPut: false },
  jfrog: { conditionalPut: false, singlePost: false },
  crane: { announceSubject: false, appliesFilters: false, conditionalPut: false },
};
