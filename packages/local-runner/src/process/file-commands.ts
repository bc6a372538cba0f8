import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FILES = {
  GITHUB_OUTPUT: 'set_output',
  GITHUB_ENV: 'set_env',
  GITHUB_PATH: 'add_path',
  GITHUB_STATE: 'save_state',
  GITHUB_STEP_SUMMARY: 'step_summary',
} as const;

type FileName = keyof typeof FILES;

const MAX_SUMMARY_BYTES = 1024 * 1024;

/** The files through which one step talks back, empty at its start. */
export class FileCommands {
  readonly variables: Readonly<Record<FileName, string>>;

  private constructor(variables: Readonly<Record<FileName, string>>) {
    this.variables = variables;
  }

  static async create(folder: string, id: string): Promise<FileCommands> {
    await mkdir(folder, { recursive: true });
    const names = Object.keys(FILES) as FileName[];
    const variables = Object.fromEntries(names.map((name) => [name, join(folder, `${FILES[name]}_${id}`)]));
    await Promise.all(Object.values(variables).map((path) => writeFile(path, '')));
    return new FileCommands(variables as Record<FileName, string>);
  }

  /** @throws {Error} for a line that is neither `name=value` nor a closed heredoc */
  async pairs(name: 'GITHUB_OUTPUT' | 'GITHUB_ENV' | 'GITHUB_STATE'): Promise<ReadonlyMap<string, string>> {
    return parsePairs(await this.#read(name));
  }

  async paths(): Promise<readonly string[]> {
    return (await this.#read('GITHUB_PATH')).split(/\r?\n/).filter((line) => line !== '');
  }

  /** Undefined when it is larger than the service takes (1 MiB). */
  async summary(): Promise<string | undefined> {
    const text = await this.#read('GITHUB_STEP_SUMMARY');
    return Buffer.byteLength(text) > MAX_SUMMARY_BYTES ? undefined : text;
  }

  /** A step that removes its file has said nothing. */
  async #read(name: FileName): Promise<string> {
    return await readFile(this.variables[name], 'utf8').catch(() => '');
  }
}

/** The first of `=` and `<<` in a line decides, as in the runner's FileCommandManager. */
export function parsePairs(text: string): Map<string, string> {
  const pairs = new Map<string, string>();
  const lines = text.split(/\r?\n/);
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? '';
    if (line === '') continue;
    const equals = line.indexOf('=');
    const heredoc = line.indexOf('<<');
    if (equals >= 0 && (heredoc < 0 || equals < heredoc)) {
      if (equals === 0) throw new Error(`Invalid format '${line}'. Name must not be empty`);
      pairs.set(line.slice(0, equals), line.slice(equals + 1));
      continue;
    }
    if (heredoc <= 0 || line.length === heredoc + 2) throw new Error(`Invalid format '${line}'`);
    const end = lines.indexOf(line.slice(heredoc + 2), index + 1);
    if (end < 0) throw new Error(`Invalid value. Matching delimiter not found '${line.slice(heredoc + 2)}'`);
    pairs.set(line.slice(0, heredoc), lines.slice(index + 1, end).join('\n'));
    index = end;
  }
  return pairs;
}
