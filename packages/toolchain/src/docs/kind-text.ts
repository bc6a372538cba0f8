import type { InputDeclaration } from '@paved/runner-kit';

/** What may stand in an input, for the tables and for action.yml. */
export function kindText({ kind, choices }: InputDeclaration<unknown>): string {
  switch (kind) {
    case 'string':
      return 'text';
    case 'integer':
      return 'integer';
    case 'boolean':
      return 'true or false';
    case 'list':
      return 'list, one per line';
    case 'path':
      return 'path';
    case 'paths':
      return 'paths or patterns, one per line';
    case 'digest':
      return 'digest, sha256:<hex>';
    case 'url':
      return 'https URL';
    case 'choice':
      return `one of ${(choices ?? []).join(', ')}`;
    case 'secret':
      return 'secret';
    case 'document':
      return 'path, or inline JSON';
    case 'duration':
      return 'duration, as 90s, 15m, 24h or 7d';
  }
}
