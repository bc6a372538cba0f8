import cliui from '@isaacs/cliui';
import pc from 'picocolors';
import semver from 'semver';

export interface Entry {
  readonly name: string;
  readonly installed: string;
  readonly wanted: string;
}

export type Status = 'satisfied' | 'outside' | 'invalid';

/** Whether an installed version satisfies a wanted range; what is no version or no range is `invalid`, never satisfied. */
export function statusOf({ installed, wanted }: Entry): Status {
  if (semver.valid(installed) === null || semver.validRange(wanted) === null) return 'invalid';
  return semver.satisfies(installed, wanted) ? 'satisfied' : 'outside';
}

const COLOURS = { satisfied: 'green', outside: 'yellow', invalid: 'red' } as const;

/** A table of all entries, sorted by name; colours only where the terminal has them. */
export function formatReport(entries: readonly Entry[], width = 80): string {
  const ui = cliui({ width, wrap: true });
  ui.div('name', 'installed', 'wanted', 'status');
  for (const entry of [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const status = statusOf(entry);
    ui.div(entry.name, entry.installed, entry.wanted, pc[COLOURS[status]](status));
  }
  return ui.toString();
}
