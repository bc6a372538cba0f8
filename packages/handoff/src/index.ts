export { type ArtifactService, githubArtifacts, type ListedArtifact } from './artifact-service.js';
export { DEFAULT_CAPS, type HandoverCaps } from './caps.js';
export { HandoffError, type HandoffErrorCode } from './error.js';
export { type PlatformLeg, parseLegs } from './legs.js';
export { assertFresh, type FreshnessLimits, formatOrigin, type HandoverOrigin, parseOrigin } from './origin.js';
export { type ReceivedHandover, type ReceiveOptions, receiveHandover } from './receive.js';
export { type ReceiveAllOptions, receiveAll } from './receive-all.js';
export { type LegHandover, type LegOutputs, readLegOutputs, receiveLegs } from './receive-legs.js';
export { type SendOptions, type SentHandover, sendHandover } from './send.js';
