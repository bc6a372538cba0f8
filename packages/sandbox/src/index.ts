export { type CanaryOptions, type OtherSandbox, runCanary } from './canary.js';
export { chooseMethod } from './choose-method.js';
export { type ContainerJob, type ContainerPort, type ContainerRun, runContainer } from './container.js';
export { SandboxError, type SandboxErrorCode } from './error.js';
export { lastInheritedDescriptor } from './inherited-descriptors.js';
export {
  namespaceCommand,
  type ReadOnlyBind,
  runInSandbox,
  SANDBOX_METHODS,
  type SandboxJob,
  type SandboxLimits,
  type SandboxMethod,
  type SandboxResult,
} from './sandbox.js';
export { isInside, planToolchain, type Toolchain } from './toolchain.js';
