import { createHash } from 'node:crypto';

export interface MavenFile {
  readonly path: string;
  readonly bytes: Buffer;
}

export interface MavenSampleOptions {
  /** Stands for the plugin. */
  readonly plugin?: { readonly groupId: string; readonly artifactId: string };
  /** Content of lib-1.0.jar. */
  readonly jar?: Buffer;
}

const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');

/** The project's own pom.xml: no plugin is bound to its packaging, so that a real Maven validates it with what is locked alone. */
export const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <parent><groupId>com.acme</groupId><artifactId>parent</artifactId><version>1</version><relativePath/></parent>
  <artifactId>shop</artifactId>
  <version>\${shop.version}</version>
  <packaging>pom</packaging>
</project>
`;

function pomText(artifact: string, more: string): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>com.acme</groupId><artifactId>${artifact}</artifactId><version>1</version><packaging>pom</packaging>${more}</project>\n`;
}

/** What a repository serves, and an entry of the lock file for each of its files. */
export function mavenSample(url: string, { plugin: given, jar = Buffer.from('lib') }: MavenSampleOptions = {}) {
  const files: MavenFile[] = [];
  const entry = (artifactId: string, version: string, extension: string, text: string | Buffer, more: object = {}) => {
    const { groupId = 'com.acme' } = more as { groupId?: string };
    const path = `/${groupId.replaceAll('.', '/')}/${artifactId}/${version}/${artifactId}-${version}.${extension}`;
    files.push({ path, bytes: Buffer.from(text) });
    const checksum = { checksumAlgorithm: 'SHA-256', checksum: sha256(text) };
    return {
      groupId,
      artifactId,
      version,
      ...checksum,
      resolved: `${url}${path}`,
      repositoryId: 'x',
      ...more,
    };
  };
  const grand = entry(
    'grand',
    '1',
    'pom',
    pomText('grand', '<properties><shop.version>7.0</shop.version></properties>'),
  );
  const above = '<parent><groupId>com.acme</groupId><artifactId>grand</artifactId><version>1</version></parent>';
  const parent = entry('parent', '1', 'pom', pomText('parent', above), { parent: grand });
  const leaf = entry('leaf', '2.0', 'jar', 'leaf', { scope: 'runtime' });
  const lib = entry('lib', '1.0', 'jar', jar, { scope: 'compile', children: [leaf], parentPom: grand });
  const junk = entry('unit', '4.0', 'jar', 'unit', {
    scope: 'test',
    children: [{ ...lib, scope: 'test', children: [] }],
  });
  const plugin = entry(given?.artifactId ?? 'plug-maven-plugin', '3.0', 'jar', 'plugin', {
    ...given,
    dependencies: [{ ...leaf, scope: 'compile' }],
  });
  const pom = {
    groupId: 'com.acme',
    artifactId: 'shop',
    version: '7.0',
    checksumAlgorithm: 'SHA-256',
    checksum: sha256(POM),
  };
  const lock = {
    groupId: 'com.acme',
    artifactId: 'shop',
    version: '7.0',
    lockFileVersion: 1,
    pom: { ...pom, parent },
    dependencies: [lib, junk],
    mavenPlugins: [plugin],
    boms: [],
    metaData: { environment: { mavenVersion: '3.9.9' } },
  };
  return { files, lock };
}
