import { GateError } from './error.js';
import type { PolicyException } from './policy.js';

/** Owners that a CODEOWNERS file names: users, teams and e-mail addresses after each pattern; lower case. */
export function ownersOfCodeowners(text: string): ReadonlySet<string> {
  const owners = new Set<string>();
  for (const line of text.split('\n')) {
    const bare = line.replace(/(?:^|\s)#.*$/, '').trim();
    // A blank in a pattern is escaped.
    const [, ...tokens] = bare.split(/(?<!\\)\s+/);
    for (const token of tokens)
      if (/^@?[\w.+-]+(?:[@/][\w.-]+)*$/.test(token) && token.includes('@')) owners.add(token.toLowerCase());
  }
  return owners;
}

/** @throws {GateError} `EXCEPTION_OWNER_UNKNOWN` for an owner that nobody could ask */
export function assertOwners(entries: readonly PolicyException[], owners: ReadonlySet<string>): void {
  for (const { id, owner } of entries) {
    if (owners.has(owner.toLowerCase())) continue;
    throw new GateError(
      'EXCEPTION_OWNER_UNKNOWN',
      `Cannot use the exception for "${id}": its owner "${owner}" stands neither in CODEOWNERS nor in catalog-info.yaml`,
      { hint: 'Name an owner of the repository as CODEOWNERS or catalog-info.yaml spells it' },
    );
  }
}
