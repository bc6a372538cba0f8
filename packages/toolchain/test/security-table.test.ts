import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { parse as parseYaml } from 'yaml';
import { withThresholds } from '../src/docs/security-table.js';

const marked = (between: string) =>
  `# Security\n\n<!-- thresholds: rendered from policy-floor in paved.config.yml by "npm run docs" -->\n${between}<!-- end of thresholds -->\n\nEnd.\n`;

describe('the table of SECURITY.md', () => {
  test('follows the floor, and nothing else changes', () => {
    const text = withThresholds(marked('| old |\n'), 'thresholds: { medium: block }') ?? '';
    expect(text).toContain('| medium | blocks | blocks |');
    expect(text).not.toContain('| old |');
    expect(text.startsWith('# Security\n')).toBe(true);
    expect(text.endsWith('<!-- end of thresholds -->\n\nEnd.\n')).toBe(true);
    expect(withThresholds(text, 'thresholds: { medium: block }')).toBe(text);
    expect(withThresholds(text, '{}')).not.toBe(text);
  });

  test('is written only between markers', () => {
    expect(withThresholds('# Security\n', '{}')).toBeUndefined();
  });

  test('a floor that is no policy is an error', () => {
    expect(() => withThresholds(marked(''), 'thresholds: { medium: maybe }')).toThrow(
      expect.objectContaining({ code: 'POLICY_INVALID' }),
    );
  });

  test('of this repository is that of its configuration', async () => {
    const { 'policy-floor': floor } = parseYaml(await readFile('paved.config.yml', 'utf8')) as Record<string, string>;
    const text = await readFile('SECURITY.md', 'utf8');
    expect(withThresholds(text, floor ?? '')).toBe(text);
  });
});
