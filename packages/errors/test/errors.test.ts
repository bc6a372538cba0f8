import { describe, expect, test } from '@jest/globals';
import { describeError, errorChain, InternalError, PavedError } from '../src/index.js';

describe('PavedError', () => {
  test('carries code, message, hint and cause', () => {
    const cause = new Error('socket closed');
    const error = new PavedError('X_FAILED', 'Cannot push "a": refused', { cause, hint: 'Sign in first' });
    expect(describeError(error)).toBe('X_FAILED: Cannot push "a": refused: socket closed (Sign in first)');
  });

  test('our own defects have one code', () => {
    expect(new InternalError('Cannot happen')).toMatchObject({ code: 'INTERNAL', name: 'InternalError' });
  });

  test('a thrown value that is no error is named by its type and never printed', () => {
    expect(describeError('s3cret')).toBe('a thrown string');
  });

  test('a cycle of causes ends', () => {
    const a = new Error('a');
    const b = new Error('b', { cause: a });
    a.cause = b;
    expect(errorChain(a)).toEqual([a, b]);
  });
});
