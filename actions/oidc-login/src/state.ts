import type { State } from '@paved/runner-kit';

/** What main leaves for post: where things are, never what they hold. */
export interface LoginState {
  /** Whether the file was written whole; it may be there without that, when main was stopped. */
  readonly signedIn: boolean;
  readonly path: string;
  readonly registry: string;
  readonly revocationUrl: string | undefined;
}

/** Before there is anything to clean up: what is stopped later is known to post. */
export function saveLogin(state: State, login: Omit<LoginState, 'signedIn'>): void {
  state.save('path', login.path);
  state.save('registry', login.registry);
  if (login.revocationUrl !== undefined) state.save('revocation-url', login.revocationUrl);
}

export function saveSignedIn(state: State): void {
  state.save('signed-in', 'true');
}

/** `undefined` when main refused its inputs. */
export function readLogin(state: State): LoginState | undefined {
  const [path, registry] = [state.get('path'), state.get('registry')];
  if (path === undefined || registry === undefined) return undefined;
  return { signedIn: state.get('signed-in') === 'true', path, registry, revocationUrl: state.get('revocation-url') };
}
