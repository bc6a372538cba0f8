import { parsePolicy, thresholdTable } from '@paved/gate';
import { parse as parseYaml } from 'yaml';

const BEGIN = '<!-- thresholds: rendered from policy-floor in paved.config.yml by "npm run docs" -->';
const END = '<!-- end of thresholds -->';

/** SECURITY.md with the table of the policy between its markers; `undefined` when it has none, because nobody asked for it then. */
export function withThresholds(text: string, policyFloor: string): string | undefined {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin === -1 || end < begin) return undefined;
  const table = thresholdTable(parsePolicy(parseYaml(policyFloor)));
  return `${text.slice(0, begin + BEGIN.length)}\n\n${table}\n${text.slice(end)}`;
}
