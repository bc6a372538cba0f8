import { randomUUID } from 'node:crypto';
import type { Commands } from './commands.js';
import { plainText } from './plain-text.js';
import type { Secrets } from './secrets.js';

const MAX_UNTRUSTED = 64 * 1024;
/** The service cuts annotations at 4,096 characters. */
const MAX_ANNOTATION = 4000;

/** What an action says in the job's log. */
export interface Log {
  info(text: string): void;
  notice(text: string): void;
  warning(text: string): void;
  debug(text: string): void;
  group<T>(name: string, body: () => Promise<T>): Promise<T>;
  /** Prints text of others while the runner processes no commands; cut at 64 KiB. */
  untrusted(text: string): void;
}

export function createLog(commands: Commands, secrets: Secrets): Log {
  const line = (text: string) => withoutCommands(plainText(secrets.redact(text), MAX_ANNOTATION));
  return {
    info: (text) => commands.write(withoutCommands(secrets.redact(text))),
    notice: (text) => commands.annotate('notice', line(text)),
    warning: (text) => commands.annotate('warning', line(text)),
    debug: (text) => commands.debug(line(text)),
    async group(name, body) {
      commands.startGroup(line(name));
      try {
        return await body();
      } finally {
        commands.endGroup();
      }
    },
    untrusted(text) {
      const token = randomUUID();
      const shown = text.length > MAX_UNTRUSTED ? `${text.slice(0, MAX_UNTRUSTED)}\n(cut)` : text;
      commands.write(`::stop-commands::${token}`);
      commands.write(secrets.redact(shown));
      commands.write(`::${token}::`);
    },
  };
}

/**
 * The runner reads `::command::` at a line's start, after white space, and the older `##[command]` anywhere in a line. Its white space
 * is that of .NET, with U+0085, and its comparison may pass over what is invisible.
 */
function withoutCommands(text: string): string {
  const begun = text.includes('::') ? text.replaceAll(/^([\s\u0085\p{Cf}]*):(?=:)/gmu, '$1:\u{200b}') : text;
  return begun.replaceAll('##[', '##\u{200b}[').replaceAll('\r', '\n');
}
