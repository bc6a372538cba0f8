export interface PavedErrorOptions {
  readonly cause?: unknown;
  /** The cure, as one imperative sentence for the user. */
  readonly hint?: string;
  /** Nothing else helps, whatever was asked for: the hint stands before those of outer links. */
  readonly onlyCure?: boolean;
}

/**
 * Base of every error that paved throws on purpose. `code` is stable and is a closed union per package;
 * `message` reads "Cannot <do what> <quoted object>: <state>"; `hint` says the cure.
 * Neither may contain a secret; URLs pass `redactUrl` of @paved/http first.
 */
export class PavedError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly hint: string | undefined;
  readonly onlyCure: boolean;

  constructor(code: Code, message: string, options: PavedErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
    this.onlyCure = options.onlyCure ?? false;
  }
}

/** A defect of paved itself, never the user's mistake: the annotation asks for a report. */
export class InternalError extends PavedError<'INTERNAL'> {
  constructor(message: string, options: PavedErrorOptions = {}) {
    super('INTERNAL', message, options);
  }
}
