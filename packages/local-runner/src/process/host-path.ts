/** The one thing that a machine takes from the host's environment: where its programs are. */
export function hostPath(): string {
  return process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin';
}
