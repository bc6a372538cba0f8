export { type CanaryOptions, runCanary } from './canary.js';
export { chooseMethod } from './choose-method.js';
export { SandboxError, type SandboxErrorCode } from './error.js';
export {
  type ReadOnlyBind,
  runInSandbox,
  SANDBOX_METHODS,
  type SandboxJob,
  type SandboxMethod,
  type SandboxResult,
} from './sandbox.js';
export { isInside, planToolchain, type Toolchain } from './toolchain.js';
