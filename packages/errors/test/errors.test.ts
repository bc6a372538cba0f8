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

  test('a link that says what the one beside it says is left out', () => {
    const field = new Error('Cannot read field "$.a": it is null');
    const text = new Error('Cannot read the root: Cannot read field "$.a": it is null', { cause: field });
    const error = new PavedError('X_MALFORMED', 'Cannot read the root', { cause: text });
    expect(describeError(error)).toBe('X_MALFORMED: Cannot read the root: Cannot read field "$.a": it is null');
    const other = new PavedError('X_MALFORMED', 'Cannot read the roots', { cause: text });
    expect(describeError(other)).toContain('Cannot read the roots: Cannot read the root: ');
  });

  test('the cure of a cause is told where nothing around it has one', () => {
    const inner = new PavedError('Y', 'not JSON', { hint: 'Give JSON' });
    expect(describeError(new PavedError('X', 'Cannot sign', { cause: inner }))).toContain('(Give JSON)');
    expect(describeError(new PavedError('X', 'Cannot sign', { cause: inner, hint: 'Look' }))).toContain('(Look)');
    expect(describeError(new PavedError('X', 'Cannot sign', { cause: new Error('a') }))).not.toContain('(');
  });

  test('the only cure is told whatever is around it', () => {
    const inner = new PavedError('Z', 'the proxy refuses', { hint: 'Ask the proxy', onlyCure: true });
    const middle = new PavedError('Y', 'no answer', { cause: inner, hint: 'Try later' });
    expect(describeError(new PavedError('X', 'Cannot sign', { cause: middle, hint: 'Look' }))).toContain(
      '(Ask the proxy)',
    );
    const without = new PavedError('Z', 'the proxy refuses', { onlyCure: true });
    expect(describeError(new PavedError('X', 'Cannot sign', { cause: without, hint: 'Look' }))).toContain('(Look)');
  });

  test('a cycle of causes ends', () => {
    const a = new Error('a');
    const b = new Error('b', { cause: a });
    a.cause = b;
    expect(errorChain(a)).toEqual([a, b]);
  });
});
