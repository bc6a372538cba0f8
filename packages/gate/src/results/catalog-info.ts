import { unique } from '../order.js';

function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}

/**
 * Owners (`spec.owner`) of the entities of a catalog-info.yaml that was decoded already, as Backstage writes references:
 * `group:default/payments` and `payments` are the same group.
 */
export function catalogOwners(documents: readonly unknown[]): readonly string[] {
  const owners = documents
    .filter((entity) => typeof member(entity, 'kind') === 'string')
    .map((entity) => member(member(entity, 'spec'), 'owner'))
    .filter((owner) => typeof owner === 'string')
    .filter((owner) => /^(?:(?:group|user):)?(?:[A-Za-z0-9._-]+\/)?[A-Za-z0-9._-]+$/i.test(owner));
  return unique(owners.map((owner) => owner.replace(/^group:/i, '').replace(/^default\//, '')));
}
