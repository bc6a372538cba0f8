type Write = typeof process.stdout.write;

let running = 0;
let original: Write = process.stdout.write;

/**
 * While `body` runs, whatever is written to standard output at once stays on one line. Attack: the client of the artifact service prints
 * the name that the service gives a file, and a line break in it begins a workflow command. Commands of the client itself, which mask
 * the signatures of addresses, are lines of their own and stay what they are.
 */
export async function oneLineEach<T>(body: () => Promise<T>): Promise<T> {
  if (running++ === 0) {
    original = process.stdout.write;
    process.stdout.write = write as Write;
  }
  try {
    return await body();
  } finally {
    if (--running === 0) process.stdout.write = original;
  }
}

function write(this: unknown, chunk: string | Uint8Array, ...rest: unknown[]): boolean {
  const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
  const line = text.replaceAll(/[\r\n\u0085\u2028\u2029]+(?=.)/gs, ' ');
  return (original as (...values: unknown[]) => boolean).call(process.stdout, line, ...rest);
}
