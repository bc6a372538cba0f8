import {
  debug,
  endGroup,
  error,
  getIDToken,
  getState,
  info,
  notice,
  saveState,
  setOutput,
  setSecret,
  startGroup,
  warning,
} from '@actions/core';

/** The runner's side of an action: workflow commands and file commands. `write` puts one raw line on stdout. */
export interface Commands {
  write(line: string): void;
  debug(text: string): void;
  annotate(level: 'notice' | 'warning' | 'error', text: string): void;
  startGroup(name: string): void;
  endGroup(): void;
  mask(value: string): void;
  setOutput(name: string, value: string): void;
  saveState(name: string, value: string): void;
  getState(name: string): string;
  idToken(audience: string): Promise<string>;
}

const ANNOTATE = { notice, warning, error } as const;

/** Over @actions/core, which escapes command data and picks a random delimiter for each value in a command file. */
export const coreCommands: Commands = {
  write: info,
  debug,
  annotate: (level, text) => ANNOTATE[level](text),
  startGroup,
  endGroup,
  mask: setSecret,
  setOutput,
  saveState,
  getState,
  idToken: getIDToken,
};
