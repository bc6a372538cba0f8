import { describe, expect, test } from '@jest/globals';
import { failed, passed } from '../src/check.js';
import { VerificationError } from '../src/error.js';

const messageOf = (...checks: readonly ReturnType<typeof passed>[]) => new VerificationError(checks, {}).message;

describe('the message of a refusal', () => {
  test('says each reason once, with what it stopped, and counts what follows from it', () => {
    const message = messageOf(
      passed('artifact', 'there'),
      failed('provenance-signed', 'REF_MISMATCH', 'it is another ref'),
      failed('verdict-signed', 'REF_MISMATCH', 'it is another ref'),
      failed('tag', 'TAG_MISMATCH', 'it names another'),
      failed('isolation', 'NOT_CHECKED', 'there is no verified provenance'),
    );
    expect(message).toBe(
      'Cannot accept the artifact: 4 of 5 checks failed: provenance-signed, verdict-signed REF_MISMATCH: it is another ref; ' +
        'tag TAG_MISMATCH: it names another; 1 more could not be asked without them',
    );
  });

  test('is not empty when nothing could be asked', () => {
    expect(messageOf(failed('vsa-resource', 'NOT_CHECKED', 'there is no name'))).toContain(
      'vsa-resource NOT_CHECKED: there is no name',
    );
  });
});
