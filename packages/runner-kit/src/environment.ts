/** Names to values as the runner gives them to a process; an empty value counts as absent everywhere in paved. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The only place where paved's own code reads `process.env`. */
export function processEnvironment(): Environment {
  return process.env;
}

/** Removes a secret from this process's environment, so that no child process and no later code of the bundle finds it there. */
export function forgetVariable(name: string): void {
  delete process.env[name];
}

/** Name of the variable in which the runner passes the input `name`; hyphens stay. */
export function inputVariable(name: string): string {
  return `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`;
}

export function readVariable(environment: Environment, name: string): string | undefined {
  const value = environment[name];
  return value === undefined || value === '' ? undefined : value;
}
