import type { HttpClient } from '@paved/http';
import { type Dockerfile, DockerfileParser } from 'dockerfile-ast';
import { pinnedLine, planDockerfile } from '../buildkit/open-dockerfile.js';
import { onbuildTrigger } from '../buildkit/read-instruction.js';
import type { Inputs } from '../run.js';
import { type DryFinding, findingOfError } from './finding.js';
import { downloadsIn } from './scan-source.js';

const CURE =
  'A RUN step has no network: take it from a base that has it, from ADD with a checksum, or from a lock file (context paved-deps)';

/**
 * Everything in a Dockerfile that would break its build without network, each with its line: not the first refusal alone.
 * @param http asks which digest an unpinned image has now
 */
export async function findingsOfDockerfile(inputs: Inputs, http: HttpClient): Promise<readonly DryFinding[]> {
  try {
    const { path, text, plan } = await planDockerfile(inputs);
    const at = (line: number) => `${path}, line ${line}`;
    const refused = plan.problems.map(({ line, detail, cure }) => ({
      ...{ code: 'DOCKERFILE_REFUSED', breaks: true },
      ...{ detail: `${at(line)}: ${detail}`, cure },
    }));
    const unpinned: DryFinding[] = [];
    for (const use of plan.images) {
      if (use.name.reference.digest !== undefined) continue;
      const cure = `Pin what you have reviewed: ${await pinnedLine(use, http)}`;
      const detail = `${at(use.line)}: "${use.text}" has no digest`;
      unpinned.push({ code: 'BASE_UNPINNED', breaks: true, detail, cure });
    }
    return [...refused, ...unpinned, ...downloadsOfSteps(text, at)];
  } catch (error) {
    return [findingOfError(error)];
  }
}

function downloadsOfSteps(text: string, at: (line: number) => string): readonly DryFinding[] {
  const dockerfile = DockerfileParser.parse(text) as Dockerfile;
  return dockerfile.getInstructions().flatMap((instruction) => {
    const real = onbuildTrigger(instruction);
    if (real.getKeyword() !== 'RUN') return [];
    const line = instruction.getRange().start.line + 1;
    return downloadsIn(real.getTextContent()).map((words) => ({
      ...{ code: 'COMMAND_DOWNLOAD', breaks: true },
      ...{ detail: `${at(line)}: RUN has ${JSON.stringify(words)}`, cure: CURE },
    }));
  });
}
