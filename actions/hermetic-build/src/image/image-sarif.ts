export interface SarifFinding {
  readonly rule: string;
  readonly text: string;
}

/**
 * Findings about an image as SARIF 2.1.0, which the gate reads; without findings, a report without results.
 * @param uri what the findings point at, in place of a file
 */
export function imageSarif(tool: string, uri: string, findings: readonly SarifFinding[]): unknown {
  const rules = [...new Set(findings.map(({ rule }) => rule))].sort();
  return {
    version: '2.1.0',
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    runs: [
      {
        tool: {
          driver: {
            name: tool,
            rules: rules.map((id) => ({ id, properties: { 'security-severity': '7.0' } })),
          },
        },
        results: findings.map(({ rule, text }) => ({
          ruleId: rule,
          level: 'error',
          message: { text },
          locations: [{ physicalLocation: { artifactLocation: { uri } } }],
        })),
      },
    ],
  };
}
