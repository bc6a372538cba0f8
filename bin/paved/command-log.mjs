/** The log of an action: what a person reads goes to stderr, and error annotations are collected. */
export class CommandLog {
  errors = [];
  #secrets;
  #stopped;

  constructor(secrets) {
    this.#secrets = new Set(secrets);
  }

  line(text) {
    const command = /^\s*::([a-z-]+)(?: [^:]*)?::(.*)$/.exec(text);
    if (this.#stopped !== undefined) {
      if (text === `::${this.#stopped}::`) this.#stopped = undefined;
      else this.#show(text);
    } else if (command === null) this.#show(text);
    else this.#command(command[1], unescapeData(command[2]));
  }

  #command(name, value) {
    if (name === 'add-mask') this.#secrets.add(value);
    else if (name === 'stop-commands') this.#stopped = value;
    else if (name === 'error') {
      this.errors.push(this.#masked(value));
      this.#show(`error: ${value}`);
    } else if (name === 'warning' || name === 'notice' || name === 'group') this.#show(`${name}: ${value}`);
  }

  #show(text) {
    process.stderr.write(`${this.#masked(text)}\n`);
  }

  #masked(text) {
    let shown = text;
    for (const secret of this.#secrets) if (secret !== '') shown = shown.replaceAll(secret, '***');
    return shown;
  }
}

function unescapeData(text) {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
}
