import {
  type BetweenFacts,
  type CallerRepository,
  type RunEvent,
  type RunResult,
  runWorkflow,
} from '@paved/local-runner';
import { CALLER_WORKFLOW } from './project.js';
import type { World } from './world.js';

export interface ReleaseOptions {
  readonly caller: CallerRepository;
  readonly onEvent?: (event: RunEvent) => void;
  readonly between?: (jobId: string, facts: BetweenFacts) => void | Promise<void>;
  /** Where the machines' folders are kept; without it they are removed. */
  readonly workFolder?: string;
}

/** What a machine behind a proxy or a certificate authority of its own needs to reach the package registry. */
const MACHINE_VARIABLES = [
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'HTTPS_PROXY',
  'https_proxy',
  'NO_PROXY',
  'no_proxy',
] as const;

/** Runs the caller's workflow, which calls the rendered release-artifact. */
export function release(world: World, { caller, ...options }: ReleaseOptions): Promise<RunResult> {
  return runWorkflow({
    callerRepository: caller,
    workflowPath: CALLER_WORKFLOW,
    repositories: world.repositories,
    services: world.github,
    env: machineEnvironment(),
    trapProcesses: true,
    ...options,
  });
}

/** What the machine needs for the package registry. */
export function machineEnvironment(): Record<string, string> {
  return Object.fromEntries(
    MACHINE_VARIABLES.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}
