export interface BuildEnvironmentOptions {
  readonly path: string;
  readonly home: string;
  /** Seconds since 1970. */
  readonly sourceDateEpoch: number;
}

/**
 * The whole environment of the caller's command: an allow-list, so a token that the runner learns to pass tomorrow is not in it.
 * npm is told to stay offline, which turns a forgotten download into an error at once instead of a timeout.
 */
export function buildEnvironment(options: BuildEnvironmentOptions): Readonly<Record<string, string>> {
  return {
    PATH: options.path,
    HOME: options.home,
    TMPDIR: '/tmp',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    CI: 'true',
    SOURCE_DATE_EPOCH: String(options.sourceDateEpoch),
    npm_config_offline: 'true',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
  };
}
