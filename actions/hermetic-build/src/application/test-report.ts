import { imageSarif } from '../image/image-sarif.js';
import type { TestFinding } from './contract.js';

export function testSarif(platform: string, findings: readonly TestFinding[]): unknown {
  const texts = findings.map(({ rule, detail, cure }) => ({ rule, text: `${platform}: ${detail}. ${cure}` }));
  return imageSarif('paved-application-test', 'image', texts);
}
