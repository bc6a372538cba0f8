/** `code` of a system error such as `ENOENT`; by shape, because an error may come from another realm. */
export function systemErrorCode(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
