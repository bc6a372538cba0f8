import type { TestFinding } from './contract.js';

/** The findings as SARIF 2.1.0; without findings, a report without results. */
export function testSarif(platform: string, findings: readonly TestFinding[]): unknown {
  const rules = [...new Set(findings.map(({ rule }) => rule))].sort();
  return {
    version: '2.1.0',
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    runs: [
      {
        tool: {
          driver: {
            name: 'paved-application-test',
            rules: rules.map((id) => ({ id, properties: { 'security-severity': '7.0' } })),
          },
        },
        results: findings.map(({ rule, detail, cure }) => ({
          ruleId: rule,
          level: 'error',
          message: { text: `${platform}: ${detail}. ${cure}` },
          locations: [{ physicalLocation: { artifactLocation: { uri: 'image' } } }],
        })),
      },
    ],
  };
}
