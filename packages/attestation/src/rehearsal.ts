/** End of the builder id of a rehearsal. A ref of that name would be refused as well, which is the safe side. */
export const REHEARSAL_SUFFIX = '#rehearsal';

/**
 * Whether the predicate of provenance says that it describes no release. Either mark is enough, and so is a mark with another value:
 * whoever removes or changes one of them gets no release out of it. What is no provenance at all has no mark.
 */
export function isRehearsal(predicate: unknown): boolean {
  const { buildDefinition, runDetails } = membersOf(predicate);
  const { internalParameters } = membersOf(buildDefinition);
  const { id } = membersOf(membersOf(runDetails).builder);
  const isNamed = typeof id === 'string' && id.endsWith(REHEARSAL_SUFFIX);
  return isNamed || Object.hasOwn(membersOf(internalParameters), 'rehearsal');
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
