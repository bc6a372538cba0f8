export { isIssuedByAuthority } from './log/authority-chain.js';
export { type Checkpoint, verifyCheckpoint } from './log/checkpoint.js';
export { type EntryBatch, FollowedLog, type FollowLogOptions, followLog } from './log/follow-log.js';
export { type LoggedSigner, readLoggedSigner } from './log/logged-signer.js';
export { type LogsOfRoot, logsOf, type TransparencyLog } from './log/transparency-log.js';
