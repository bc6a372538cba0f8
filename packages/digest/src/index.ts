export {
  assertSameDigest,
  type Digest,
  type DigestAlgorithm,
  DigestError,
  digestHex,
  isDigest,
  parseDigest,
} from './digest.js';
export { sha256, sha256File, sha512Base64 } from './hash.js';
export {
  type CopiedFile,
  copyRegularFile,
  type FileProblem,
  type ListedFile,
  listFilesBelow,
  type RefuseFile,
  readRegularFile,
} from './regular-files.js';
export { releaseMemory } from './release-memory.js';
export { DigestStream, LimitStream } from './streams.js';
