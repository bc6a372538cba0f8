import type { HttpBody } from './request.js';

/** A shorter piece of a secret could be chance, and is worth nothing to a thief. */
const WINDOW = 12;
const SECRET_FIELD = /(?:^|_)(?:token|secret|password|assertion)$/;

/** The secrets that a request carries: values of `names` among its headers, and fields of a form that are named like one. */
export function sentSecrets(
  headers: Readonly<Record<string, string>>,
  names: ReadonlySet<string>,
  body: HttpBody | undefined,
): readonly string[] {
  const values = Object.entries(headers).filter(([name]) => names.has(name));
  const credentials = values.map(([, value]) => value.replace(/^(?:basic|bearer) +/i, ''));
  const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
  const fields = isForm && typeof body === 'string' ? [...new URLSearchParams(body)] : [];
  return [...credentials, ...fields.filter(([name]) => SECRET_FIELD.test(name)).map(([, value]) => value)];
}

/** Whether `text` holds one of `secrets`, or twelve characters of one in a row: an excerpt may be cut anywhere. */
export function repeatsSecret(text: string, secrets: readonly string[]): boolean {
  return secrets.some((secret) => {
    const length = Math.min(WINDOW, secret.length);
    for (let start = 0; length > 0 && start + length <= text.length; start++) {
      if (secret.includes(text.slice(start, start + length))) return true;
    }
    return false;
  });
}
