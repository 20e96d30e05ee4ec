// SPDX-License-Identifier: GPL-3.0-or-later
// Checks the conditions of a release, and makes its changes.
import { spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ChangelogError, releaseChangelog, sectionOf } from './changelog.ts'
import { compareVersions } from './version.ts'

/** A release that was refused; every reason on a line of its own. */
export class ReleaseError extends Error {
  override readonly name = 'ReleaseError'
}

export type ReleasePlan = {
  readonly version: string
  readonly tag: string
  /** The version's section of the changelog. */
  readonly notes: string
  /** New text of each file that changes, by its path below the root. */
  readonly files: Readonly<Record<string, string>>
}

const MANIFESTS = ['package.json', 'package-lock.json'] as const

/**
 * Checks that `version` can be released from the checkout at `root`, and plans it. Changes nothing.
 * @param date of the release, as YYYY-MM-DD
 * @throws ReleaseError with every reason; VersionError when `version` is not one
 */
export async function planRelease(root: string, version: string, date: string): Promise<ReleasePlan> {
  const tag = `v${version}`
  const reasons: string[] = []
  const changelog = await readFile(join(root, 'CHANGELOG.md'), 'utf8')
  const files: Record<string, string> = {}
  const tags = git(root, 'tag', '--list').split('\n').filter(Boolean)
  if (tags.includes(tag)) reasons.push(`the tag ${tag} exists: choose a higher version`)
  for (const name of MANIFESTS) files[name] = withVersion(await readFile(join(root, name), 'utf8'), version)
  const current: string = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')).version
  const order = compareVersions(version, current)
  // The first release may be of the version that development began with.
  if (order < 0 || (order === 0 && tags.includes(`v${current}`))) {
    reasons.push(`version ${version} does not come after ${current}, which package.json has`)
  }
  const dirty = git(root, 'status', '--porcelain')
  if (dirty !== '') reasons.push(`the checkout has changes: commit or stash ${dirty.split('\n')[0]!.slice(3)}`)
  try {
    files['CHANGELOG.md'] = releaseChangelog(changelog, version, date)
  } catch (error) {
    if (!(error instanceof ChangelogError)) throw error
    reasons.push(error.message)
  }
  if (reasons.length > 0) throw new ReleaseError(reasons.join('\n'))
  return { version, tag, files, notes: sectionOf(files['CHANGELOG.md']!, `## [${version}]`)! }
}

/** Writes the files, commits them and puts the tag on the commit. Pushes and publishes nothing. */
export async function applyRelease(root: string, { version, tag, files, notes }: ReleasePlan): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, name), text)
  git(root, 'add', '--', ...Object.keys(files))
  git(root, 'commit', '--quiet', '--message', `Release ${version}`)
  // As it is: the changelog's headings look like comments to git.
  git(root, 'tag', '--annotate', '--cleanup=verbatim', '--message', `Cohort ${version}\n\n${notes}`, tag)
}

/** The manifest with another version of the project itself, and not one other byte changed. */
function withVersion(manifest: string, version: string): string {
  const own = JSON.parse(manifest).version as string
  let left = JSON.parse(manifest).packages === undefined ? 1 : 2
  return manifest.replaceAll(`"version": "${own}"`, (found) => (left-- > 0 ? `"version": "${version}"` : found))
}

function git(root: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new ReleaseError(`git ${args[0]}: ${stderr.trim()}`)
  return stdout.trimEnd()
}
