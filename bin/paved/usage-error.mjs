/** The user's mistake; `code` is stable and printed. */
export class UsageError extends Error {
  constructor(code, message, hint) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
