import type { BasicExpressionToken } from '@actions/workflow-parser/templates/tokens/basic-expression-token';
import type { MappingToken } from '@actions/workflow-parser/templates/tokens/mapping-token';
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token';
import type { JobPermissions } from '@paved/testkit';

/** A workflow file at a commit of a repository. */
export interface WorkflowSource {
  /** `owner/name`. */
  readonly repository: string;
  /** Folder of the git repository. */
  readonly folder: string;
  readonly sha: string;
  /** Full ref as it stands in `job_workflow_ref`, or a commit. */
  readonly ref: string;
  readonly path: string;
}

export interface InputSpec {
  readonly type: string;
  readonly default: TemplateToken | undefined;
}

export interface StepModel {
  readonly id: string;
  readonly name: TemplateToken | undefined;
  readonly condition: BasicExpressionToken;
  readonly env: TemplateToken | undefined;
  readonly continueOnError: TemplateToken | undefined;
  readonly timeoutMinutes: TemplateToken | undefined;
  readonly kind:
    | { readonly $case: 'uses'; readonly uses: string; readonly with: TemplateToken | undefined }
    | {
        readonly $case: 'run';
        readonly script: TemplateToken;
        readonly shell: string | undefined;
        readonly workingDirectory: TemplateToken | undefined;
      };
}

interface BaseJob {
  readonly id: string;
  readonly name: TemplateToken | undefined;
  readonly needs: readonly string[];
  readonly condition: BasicExpressionToken;
  /** Undefined when the job says nothing. */
  readonly permissions: JobPermissions | undefined;
}

export interface StepsJob extends BaseJob {
  readonly $case: 'steps';
  readonly env: TemplateToken | undefined;
  readonly environment: TemplateToken | undefined;
  readonly concurrency: TemplateToken | undefined;
  readonly runsOn: TemplateToken | undefined;
  readonly timeoutMinutes: TemplateToken | undefined;
  readonly outputs: MappingToken | undefined;
  readonly strategy: TemplateToken | undefined;
  readonly steps: readonly StepModel[];
}

export interface CallJob extends BaseJob {
  readonly $case: 'call';
  readonly uses: string;
  readonly with: MappingToken | undefined;
}

export interface WorkflowModel {
  readonly source: WorkflowSource;
  readonly name: string;
  readonly events: readonly string[];
  readonly dispatchInputs: ReadonlyMap<string, InputSpec & { readonly required: boolean }>;
  readonly callInputs: ReadonlyMap<string, InputSpec>;
  readonly callOutputs: ReadonlyMap<string, TemplateToken>;
  readonly permissions: JobPermissions | undefined;
  readonly env: TemplateToken | undefined;
  readonly jobs: readonly (StepsJob | CallJob)[];
}
