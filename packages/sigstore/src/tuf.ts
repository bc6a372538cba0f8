// An entry of its own: only who follows an update repository pays for its client.
export {
  HALF_REPOSITORY,
  HALF_REPOSITORY_HINT,
  isTrustChoice,
  loadChosenTrust,
  type TrustChoice,
} from './tuf/choose-trust.js';
export {
  type InstanceTrust,
  type LoadTrustOptions,
  loadPublicGoodTrust,
  loadTufTrust,
  PUBLIC_GOOD_TUF_REPOSITORY,
  type TrustUpdates,
} from './tuf/instance-trust.js';
export type { TufRepository } from './tuf/tuf-client.js';
