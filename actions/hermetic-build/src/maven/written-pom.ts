import { type Coordinates, gav } from './coordinates.js';
import type { LockedNode } from './maven-lock.js';

/** What a POM is written from: one module, and what the lock file says that it requires. */
export interface PomContent {
  readonly file: Coordinates;
  readonly requires: readonly LockedNode[];
  readonly plugin: boolean;
}

/**
 * The POMs of all artifacts, by coordinate, written from the lock file. It has no checksum for the POM of an artifact, and a
 * repository could serve any: what Maven needs of it, the dependencies, stands in the lock file.
 */
export function pomContents(
  dependencies: readonly LockedNode[],
  plugins: readonly LockedNode[],
): readonly PomContent[] {
  const found = new Map<string, { file: Coordinates; requires: Map<string, LockedNode>; plugin: boolean }>();
  const visit = (node: LockedNode, plugin: boolean) => {
    const id = gav(node.file);
    const content = found.get(id) ?? { file: node.file, requires: new Map(), plugin };
    found.set(id, content);
    for (const child of node.children) {
      // A place where a package was left out for another one has no children; the places together have all.
      const key = `${gav(child.file)}:${child.file.classifier ?? ''}:${child.file.extension}`;
      if (!content.requires.has(key)) content.requires.set(key, child);
      visit(child, false);
    }
  };
  for (const node of dependencies) visit(node, false);
  for (const node of plugins) visit(node, true);
  return [...found.values()].map((content) => ({ ...content, requires: [...content.requires.values()] }));
}

/** The text of one POM; all that goes into it was held to the form of a coordinate. */
export function writePom({ file, requires, plugin }: PomContent): string {
  const { group, artifact, version, extension } = file;
  const packaging = plugin ? 'maven-plugin' : extension;
  return `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>${group}</groupId>
  <artifactId>${artifact}</artifactId>
  <version>${version}</version>
  <packaging>${packaging}</packaging>
  <dependencies>
${requires.map(dependency).join('')}  </dependencies>
</project>
`;
}

function dependency({ file, scope }: LockedNode): string {
  const { group, artifact, version, classifier, extension } = file;
  return `    <dependency>
      <groupId>${group}</groupId>
      <artifactId>${artifact}</artifactId>
      <version>${version}</version>
${classifier === undefined ? '' : `      <classifier>${classifier}</classifier>\n`}${extension === 'jar' ? '' : `      <type>${extension}</type>\n`}      <scope>${scope === 'runtime' ? 'runtime' : 'compile'}</scope>
    </dependency>
`;
}
