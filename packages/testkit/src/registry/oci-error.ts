import type { Reply } from './loopback.js';

/** An error answer of the distribution-spec ("Error Codes"). */
export function ociError(status: number, code: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll('_', ' ') }] }),
  };
}
