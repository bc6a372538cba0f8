import type { HttpClient } from '@paved/http';
import type { EventLog } from './events.js';
import type { Log } from './log.js';
import type { RunnerFacts } from './runner-facts.js';
import type { Summary } from './summary.js';

/** Values that `post` reads back; strings only, and never a secret (the runner keeps them in a plain file). */
export interface State {
  save(name: string, value: string): void;
  /** `undefined` when main never saved it. */
  get(name: string): string | undefined;
}

/** The artifact service of the run, as the runner tells it to actions. */
export interface ArtifactAccess {
  readonly resultsUrl: string;
  readonly runtimeToken: string;
  readonly serverUrl: string;
}

/** All that an action may know and touch besides its inputs. */
export interface ActionContext {
  readonly action: string;
  readonly runner: RunnerFacts;
  readonly log: Log;
  readonly summary: Summary;
  readonly events: EventLog;
  readonly state: State;
  readonly http: HttpClient;
  /** A fresh folder RUNNER_TEMP/paved/<action>/<random> with mode 0700. */
  workDir(): Promise<string>;
  /** OIDC token of the job, masked. @throws {RunnerError} `ID_TOKEN_UNAVAILABLE` without `id-token: write` */
  idToken(audience: string): Promise<string>;
  /** Where the artifacts of this run are, with the token for them, masked. @throws {RunnerError} `ARTIFACTS_UNAVAILABLE` */
  artifactAccess(): ArtifactAccess;
  /** Registers a secret that was learnt at run time, such as an exchanged token. */
  mask(value: string): void;
}
