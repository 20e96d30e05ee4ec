// SPDX-License-Identifier: GPL-3.0-or-later
// CHANGELOG.md after Keep a Changelog: moves unreleased entries to a version's section.

/** A changelog that cannot be released from; says which heading is missing or wrong. */
export class ChangelogError extends Error {
  override readonly name = 'ChangelogError'
}

const UNRELEASED = '## [Unreleased]'

/** The text between a version's heading and the next, trimmed; null without such a heading. */
export function sectionOf(changelog: string, heading: string): string | null {
  const lines = changelog.split('\n')
  const from = lines.findIndex((line) => line === heading || line.startsWith(`${heading} `))
  if (from < 0) return null
  const length = lines.slice(from + 1).findIndex((line) => line.startsWith('## '))
  return lines
    .slice(from + 1, length < 0 ? undefined : from + 1 + length)
    .join('\n')
    .trim()
}

/**
 * The changelog with the unreleased entries under the version's heading, and a new empty section.
 * @param date as YYYY-MM-DD
 * @throws ChangelogError without unreleased entries, with an empty group, or if the version already has a section
 */
export function releaseChangelog(changelog: string, version: string, date: string): string {
  if (sectionOf(changelog, `## [${version}]`) !== null) {
    throw new ChangelogError(`CHANGELOG.md has a section [${version}] already: choose a higher version`)
  }
  const notes = sectionOf(changelog, UNRELEASED)
  if (notes === null) throw new ChangelogError(`CHANGELOG.md has no heading '${UNRELEASED}'`)
  if (!/^- /m.test(notes)) throw new ChangelogError(`CHANGELOG.md lists nothing under '${UNRELEASED}'`)
  for (const group of notes.split(/^### /m).slice(1)) {
    if (!/^- /m.test(group)) throw new ChangelogError(`CHANGELOG.md: '### ${group.split('\n')[0]}' has no entry`)
  }
  return changelog.replace(UNRELEASED, () => `${UNRELEASED}\n\n## [${version}] - ${date}`)
}
