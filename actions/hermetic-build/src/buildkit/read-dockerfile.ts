import { type Arg, type Dockerfile, DockerfileParser, type From, type Instruction } from 'dockerfile-ast';
import { HermeticBuildError } from '../error.js';
import type { DockerfilePlan, Download, ImageRole, ImageUse, PlanOptions, Problem } from './dockerfile-plan.js';
import { expand, platformVariables } from './expand.js';
import { parseImageName } from './image-name.js';
import { checkAdd, checkRun, type Flags, flagsOf, onbuildTrigger } from './read-instruction.js';

const MAX_CHARACTERS = 1024 * 1024;
const SCRATCH = 'scratch';

/**
 * Reads what a Dockerfile wants from elsewhere, before anything is fetched. This reader need not be BuildKit's twin: what it overlooks
 * has not been fetched, and the daemon that builds has no network.
 * @throws {HermeticBuildError} `DOCKERFILE_REFUSED` for a file that is no Dockerfile
 */
export function readDockerfile(text: string, options: PlanOptions): DockerfilePlan {
  if (text.length > MAX_CHARACTERS || text.includes('\0')) throw refused('it is no text of at most 1 MiB');
  const dockerfile = DockerfileParser.parse(text) as Dockerfile;
  if (dockerfile.getFROMs().length === 0) throw refused('it has no FROM');
  const plan = new Plan();
  readSyntax(dockerfile, options, plan);
  for (const platform of options.platforms) readStages(dockerfile, platform, options, plan);
  return plan.result();
}

/** Gathers, each thing once: a file is read once per platform. */
class Plan {
  readonly #images = new Map<string, ImageUse>();
  readonly #downloads = new Map<string, Download>();
  readonly #problems = new Map<string, Problem>();

  image(role: ImageRole, text: string, line: number, platform: string): void {
    const key = `${role} ${text} ${line}`;
    try {
      const known = this.#images.get(key);
      const platforms = [...new Set([...(known?.platforms ?? []), platform])];
      this.#images.set(key, { role, text, line, name: parseImageName(text), platforms });
    } catch (error) {
      if (!(error instanceof HermeticBuildError)) throw error;
      this.problem({ line, detail: error.message, cure: error.hint ?? '' });
    }
  }

  download(download: Download): void {
    this.#downloads.set(`${download.url.href} ${download.sha256}`, download);
  }

  problem(problem: Problem): void {
    this.#problems.set(`${problem.line} ${problem.detail}`, problem);
  }

  result(): DockerfilePlan {
    return {
      images: [...this.#images.values()],
      downloads: [...this.#downloads.values()],
      problems: [...this.#problems.values()].sort((a, b) => a.line - b.line),
    };
  }
}

function readSyntax(dockerfile: Dockerfile, { buildPlatform }: PlanOptions, plan: Plan): void {
  for (const directive of dockerfile.getDirectives()) {
    if (directive.getName().toLowerCase() !== 'syntax') continue;
    // What follows the image are arguments of the frontend.
    const [image = ''] = directive.getValue().trim().split(/\s+/);
    plan.image('# syntax', image, directive.getRange().start.line + 1, buildPlatform);
  }
}

function readStages(dockerfile: Dockerfile, platform: string, options: PlanOptions, plan: Plan): void {
  const variables = globalVariables(dockerfile, platform, options);
  const stages: string[] = [];
  for (const instruction of dockerfile.getInstructions()) {
    if (instruction.getKeyword() === 'FROM') {
      readFrom(instruction as From, { platform, variables, stages, options }, plan);
      stages.push((instruction as From).getBuildStage()?.toLowerCase() ?? '');
    } else if (stages.length > 0) {
      readInstruction(instruction, { platform, stages, options }, plan);
    }
  }
}

function globalVariables(
  dockerfile: Dockerfile,
  platform: string,
  { buildArgs, buildPlatform }: PlanOptions,
): ReadonlyMap<string, string> {
  const variables = new Map(platformVariables(platform, buildPlatform));
  for (const arg of dockerfile.getInitialARGs()) readArg(arg, variables, buildArgs);
  return variables;
}

function readArg(arg: Arg, variables: Map<string, string>, buildArgs: ReadonlyMap<string, string>): void {
  const property = arg.getProperty();
  if (property === null) return;
  const given = buildArgs.get(property.getName());
  const value = given ?? expand(property.getValue() ?? '', variables);
  // `ARG NAME` without a value leaves an automatic one as it is.
  if (property.getAssignmentOperator() === null && given === undefined) return;
  if (value === undefined) variables.delete(property.getName());
  else variables.set(property.getName(), value);
}

interface Stage {
  readonly platform: string;
  readonly stages: readonly string[];
  readonly options: PlanOptions;
}

function readFrom(from: From, stage: Stage & { readonly variables: ReadonlyMap<string, string> }, plan: Plan): void {
  const { platform, variables, stages, options } = stage;
  const line = from.getRange().start.line + 1;
  const text = expand(from.getImage() ?? '', variables);
  const flag = from.getPlatformFlag()?.getValue() ?? undefined;
  const own = flag === undefined ? platform : expand(flag, variables);
  if (text === undefined || text === '' || own === undefined) {
    const detail = `FROM ${from.getImage() ?? ''}: its image or platform is not fixed`;
    plan.problem({ line, detail, cure: 'Give every ARG in it a default in the Dockerfile, or a value in build-args' });
    return;
  }
  if (text === SCRATCH || isStage(text, stages) || options.contexts.includes(text)) return;
  plan.image('FROM', text, line, own);
}

function isStage(text: string, stages: readonly string[]): boolean {
  return stages.includes(text.toLowerCase()) || (/^\d+$/.test(text) && Number(text) < stages.length);
}

function readInstruction(instruction: Instruction, stage: Stage, plan: Plan): void {
  const line = instruction.getRange().start.line + 1;
  const problem = (detail: string, cure: string) => plan.problem({ line, detail, cure });
  const real = onbuildTrigger(instruction);
  const flags = flagsOf(real);
  switch (real.getKeyword()) {
    case 'COPY':
      readSources('COPY --from', flags.get('from') ?? [], line, stage, plan);
      return;
    case 'ADD':
      for (const { url, sha256 } of checkAdd(real, flags, problem)) plan.download({ url, sha256, line });
      return;
    case 'RUN':
      readSources('RUN --mount', checkRun(flags, problem), line, stage, plan);
      return;
  }
}

function readSources(role: ImageRole, sources: Flags['from'], line: number, stage: Stage, plan: Plan): void {
  for (const text of sources) {
    if (text === '' || text === SCRATCH || isStage(text, stage.stages) || stage.options.contexts.includes(text))
      continue;
    if (text.includes('$')) {
      plan.problem({
        line,
        detail: `${role}=${text}: a variable names its image`,
        cure: 'Make it a stage of its own with FROM',
      });
    } else plan.image(role, text, line, stage.platform);
  }
}

function refused(state: string): HermeticBuildError {
  return new HermeticBuildError('DOCKERFILE_REFUSED', `Cannot read the Dockerfile: ${state}`, {
    hint: 'Name the Dockerfile itself in the input dockerfile',
  });
}
