import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { HttpClient, proxyCredentials } from '@paved/http';
import type { ActionContext, ArtifactAccess } from './action-context.js';
import type { Commands } from './commands.js';
import { type Environment, readVariable } from './environment.js';
import { RunnerError } from './error.js';
import { JsonLinesEvents } from './events.js';
import { createLog } from './log.js';
import { proxySettings } from './proxy-settings.js';
import { runnerFacts } from './runner-facts.js';
import { Secrets } from './secrets.js';
import { MarkdownSummary } from './summary.js';

/** A context with the parts that only the run of the action itself needs. */
export interface OwnedContext extends ActionContext {
  readonly secrets: Secrets;
  readonly summary: MarkdownSummary;
}

export function createContext(action: string, environment: Environment, commands: Commands): OwnedContext {
  const runner = runnerFacts(environment);
  const secrets = new Secrets((value) => commands.mask(value));
  const proxy = proxySettings(environment);
  for (const credential of proxyCredentials(proxy ?? {})) secrets.add(credential);
  return {
    action,
    runner,
    secrets,
    log: createLog(commands, secrets),
    summary: new MarkdownSummary(),
    events: new JsonLinesEvents(action, () => runner.temp, secrets),
    state: {
      save: (name, value) => commands.saveState(name, value),
      get: (name) => commands.getState(name) || undefined,
    },
    http: new HttpClient({ userAgent: `paved/${action}`, ...(proxy === undefined ? {} : { proxy }) }),
    mask: (value) => secrets.add(value),
    artifactAccess: () => artifactAccess(environment, runner.serverUrl, secrets),
    idToken: (audience) => requestIdToken(audience, environment, commands, secrets),
    async workDir() {
      const parent = join(runner.temp, 'paved', action);
      await mkdir(parent, { recursive: true, mode: 0o700 });
      // mkdtemp makes the folder with mode 0700.
      return await mkdtemp(`${parent}/`);
    },
  };
}

function artifactAccess(environment: Environment, serverUrl: string, secrets: Secrets): ArtifactAccess {
  const resultsUrl = readVariable(environment, 'ACTIONS_RESULTS_URL');
  const runtimeToken = readVariable(environment, 'ACTIONS_RUNTIME_TOKEN');
  if (resultsUrl === undefined || runtimeToken === undefined) {
    throw new RunnerError(
      'ARTIFACTS_UNAVAILABLE',
      'Cannot reach the artifacts of the run: the runner does not say where',
      {
        hint: 'Run it as an action: the runner gives ACTIONS_RESULTS_URL and ACTIONS_RUNTIME_TOKEN to no script',
      },
    );
  }
  secrets.add(runtimeToken);
  return { resultsUrl, runtimeToken, serverUrl };
}

const PERMISSION = 'Add "permissions: id-token: write" to the job, and to every job that calls its workflow';

async function requestIdToken(
  audience: string,
  environment: Environment,
  commands: Commands,
  secrets: Secrets,
): Promise<string> {
  const requestToken = readVariable(environment, 'ACTIONS_ID_TOKEN_REQUEST_TOKEN');
  if (requestToken === undefined || readVariable(environment, 'ACTIONS_ID_TOKEN_REQUEST_URL') === undefined) {
    throw new RunnerError('ID_TOKEN_UNAVAILABLE', 'Cannot request an OIDC token: the job has no id-token permission', {
      hint: PERMISSION,
    });
  }
  secrets.add(requestToken);
  try {
    const token = await commands.idToken(audience);
    secrets.add(token);
    return token;
  } catch (cause) {
    throw new RunnerError('ID_TOKEN_UNAVAILABLE', 'Cannot request an OIDC token: the service refused it', {
      cause,
      hint: `${PERMISSION}; if it is there, run the job again`,
    });
  }
}
