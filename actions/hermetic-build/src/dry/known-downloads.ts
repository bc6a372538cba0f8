/** npm packages whose install script fetches a program, though its text does not say so; with what to do instead. */
const NPM: Readonly<Record<string, string>> = {
  '@sentry/cli':
    'Use the platform packages (@sentry/cli-linux-x64) that it lists as optional, which come through the lock file',
  chromedriver: 'Install the browser and its driver in an earlier step',
  cypress: 'Run browser tests in another job; the build does not need the program',
  electron: 'List its archive in artifacts.lock.yaml and set electron_config_cache to a folder made of it',
  geckodriver: 'Install the browser and its driver in an earlier step',
  'node-sass': 'Use "sass", which has no compiled part',
  'phantomjs-prebuilt': 'Use a browser that is installed in an earlier step',
  playwright: 'Install browsers in an earlier step, below /opt, and set PLAYWRIGHT_BROWSERS_PATH',
  puppeteer: 'Use puppeteer-core with a browser that is installed in an earlier step',
};

/** Maven plugins that resolve or fetch while they run; what they take then stands in no lock file. */
const MAVEN: Readonly<Record<string, string>> = {
  'com.github.eirslett:frontend-maven-plugin': 'Install Node in an earlier step and call it in the command',
  'com.googlecode.maven-download-plugin:download-maven-plugin': 'List the files in artifacts.lock.yaml',
  'io.github.download-maven-plugin:download-maven-plugin': 'List the files in artifacts.lock.yaml',
  'org.apache.maven.plugins:maven-failsafe-plugin':
    'Name the provider of the tests (org.apache.maven.surefire:surefire-junit-platform or -junit4) under its <dependencies>',
  'org.apache.maven.plugins:maven-surefire-plugin':
    'Name the provider of the tests (org.apache.maven.surefire:surefire-junit-platform or -junit4) under its <dependencies>',
  'org.xolstice.maven.plugins:protobuf-maven-plugin': 'Install protoc in an earlier step and set protocExecutable',
};

/** The cure for a package that is known to fetch by itself; `undefined` for all others. */
export function knownDownload(ecosystem: string, name: string): string | undefined {
  const table = ecosystem === 'npm' ? NPM : ecosystem === 'Maven' ? MAVEN : {};
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
