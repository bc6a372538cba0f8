/** The user's mistake; `code` is stable and printed, exit status 2 tells it from a verdict. */
export class UsageError extends Error {
  constructor(code, message, hint) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
