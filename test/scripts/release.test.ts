// SPDX-License-Identifier: GPL-3.0-or-later
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { releaseChangelog, sectionOf } from '../../scripts/release/changelog.ts'
import { applyRelease, planRelease } from '../../scripts/release/release.ts'
import { compareVersions } from '../../scripts/release/version.ts'

const CHANGELOG = `# Changelog

## [Unreleased]

### Added

- Something new.

## [0.1.0] - 2026-01-01

- The first.
`
const TODAY = '2026-12-01'

describe('a release', () => {
  let folder: string
  const file = (name: string) => readFileSync(join(folder, name), 'utf8')
  const git = (...args: string[]) => {
    const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.org']
    const { status, stdout, stderr } = spawnSync('git', [...identity, ...args], { cwd: folder, encoding: 'utf8' })
    expect(status, stderr).to.equal(0)
    return stdout
  }
  const refusal = (version: string) =>
    planRelease(folder, version, TODAY).then(
      () => expect.fail(`${version} was not refused`),
      (error: Error) => error.message,
    )
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-release-'))
    const own = { name: 'cohort', version: '0.1.0' }
    const other = { version: '0.1.0', resolved: 'https://example.org/other.tgz' }
    writeFileSync(join(folder, 'package.json'), JSON.stringify(own, null, 2))
    const packages = { '': own, 'node_modules/other': other }
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ ...own, packages }, null, 2))
    writeFileSync(join(folder, 'CHANGELOG.md'), CHANGELOG)
    git('init', '--quiet')
    for (const [key, value] of [
      ['user.name', 'test'],
      ['user.email', 'test@example.org'],
    ]) {
      git('config', key!, value!)
    }
    git('add', '.')
    git('commit', '--quiet', '--message', 'Start')
    git('tag', 'v0.1.0')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('is planned without changing anything, and shows the tag’s message', async () => {
    const { tag, notes } = await planRelease(folder, '0.2.0', TODAY)
    expect([tag, notes]).to.deep.equal(['v0.2.0', '### Added\n\n- Something new.'])
    expect(git('status', '--porcelain')).to.equal('')
    expect(git('tag', '--list')).to.equal('v0.1.0\n')
  })

  it('changes its own version and no dependency`s, moves the notes, commits and tags', async () => {
    await applyRelease(folder, await planRelease(folder, '0.2.0', TODAY))
    const lock = JSON.parse(file('package-lock.json'))
    expect([JSON.parse(file('package.json')).version, lock.version, lock.packages[''].version]).to.deep.equal(
      Array(3).fill('0.2.0'),
    )
    expect(lock.packages['node_modules/other'].version).to.equal('0.1.0')
    expect(sectionOf(file('CHANGELOG.md'), '## [Unreleased]')).to.equal('')
    expect(file('CHANGELOG.md')).to.contain(`## [0.2.0] - ${TODAY}\n\n### Added\n\n- Something new.\n\n## [0.1.0]`)
    expect(git('status', '--porcelain')).to.equal('')
    expect(git('tag', '--list', '--points-at', 'HEAD')).to.equal('v0.2.0\n')
    expect(git('tag', '--list', '--format=%(contents)', 'v0.2.0')).to.contain('### Added\n\n- Something new.')
  })

  it('is refused, with all reasons at once, when it is not possible', async () => {
    writeFileSync(join(folder, 'stray'), '')
    writeFileSync(join(folder, 'CHANGELOG.md'), CHANGELOG.replace('- Something new.\n', ''))
    const reasons = (await refusal('0.1.0')).split('\n')
    expect(reasons).to.have.length(4)
    for (const [i, reason] of [
      /v0\.1\.0 exists/,
      /does not come after/,
      /commit or stash/,
      /section \[0\.1\.0\]/,
    ].entries()) {
      expect(reasons[i]).to.match(reason)
    }
    expect(await refusal('0.2.0')).to.match(/lists nothing under/)
    expect(await refusal('0.2')).to.match(/'0\.2' is not a version: expected 1\.2\.3/)
  })

  it('needs an entry in every group of the changelog', () => {
    const empty = CHANGELOG.replace('### Added', '### Fixed\n\n### Added')
    expect(() => releaseChangelog(empty, '0.2.0', TODAY)).to.throw(/'### Fixed' has no entry/)
  })

  it('orders two versions', () => {
    // The example of SemVer 2.0.0, item 11, and the numbers before it.
    const inOrder =
      '0.9.0 0.10.0 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0'
    const versions = inOrder.split(' ')
    for (const [i, a] of versions.entries()) {
      for (const [j, b] of versions.entries())
        expect(Math.sign(compareVersions(a, b)), `${a} ${b}`).to.equal(Math.sign(i - j))
    }
  })

  it('has a help text, and ends with 64 for an option that it does not know', () => {
    const run = (...args: string[]) =>
      spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', 'scripts/release/main.ts', ...args], {
        cwd: ROOT,
        encoding: 'utf8',
      })
    const { status, stdout } = run('--help')
    expect([status, stdout.split('\n')[0]]).to.deep.equal([0, 'usage: npm run release [-- [VERSION] [--apply]]'])
    const wrong = run('--publish')
    expect([wrong.status, wrong.stderr.includes('--publish')]).to.deep.equal([64, true])
  })
})
