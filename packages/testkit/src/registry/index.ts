export type { AccessTokens, Credentials } from './auth.js';
export type { RegistryBehaviour } from './behaviour.js';
export type { Fault } from './fault.js';
export {
  type LoggedRequest,
  type Loopback,
  type LoopbackOptions,
  type Reply,
  readBody,
  startLoopback,
} from './loopback.js';
export { REGISTRY_MODES, type RegistryMode } from './modes.js';
export { type RegistryDouble, type RegistryOptions, startRegistry } from './registry.js';
export { RegistryStore, type StoredManifest, StoredRepository } from './store.js';
