import type { State } from '@paved/runner-kit';

/** What main leaves for post: where things are, never what they hold. */
export interface LoginState {
  readonly path: string;
  readonly registry: string;
  readonly revocationUrl: string | undefined;
}

export function saveLogin(state: State, login: LoginState): void {
  state.save('path', login.path);
  state.save('registry', login.registry);
  if (login.revocationUrl !== undefined) state.save('revocation-url', login.revocationUrl);
}

/** `undefined` when main did not get as far as a credential. */
export function readLogin(state: State): LoginState | undefined {
  const [path, registry] = [state.get('path'), state.get('registry')];
  if (path === undefined || registry === undefined) return undefined;
  return { path, registry, revocationUrl: state.get('revocation-url') };
}
