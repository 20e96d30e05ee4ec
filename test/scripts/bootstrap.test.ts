// SPDX-License-Identifier: GPL-3.0-or-later
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { adviceFor, explain } from '../../scripts/bootstrap/errors.mjs'
import { nodeFlags } from '../../scripts/bootstrap/flags.mjs'
import { matchesLockfile } from '../../scripts/bootstrap/install.mjs'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { become, worksWithoutContracts } from '../../scripts/bootstrap.mjs'
import { importablePath } from '../../scripts/importable-path.ts'

describe('bootstrap', () => {
  let folder: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-bootstrap-'))
    cpSync(join(ROOT, 'scripts'), join(folder, 'scripts'), { recursive: true })
    cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
    cpSync(join(ROOT, 'package-lock.json'), join(folder, 'package-lock.json'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const run = (args: string[], env: NodeJS.ProcessEnv = {}) =>
    spawnSync(process.execPath, ['scripts/bootstrap.mjs', ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, npm_execpath: '', ...env },
    })

  it('prints its usage for an unknown command', () => {
    const { status, stderr } = run(['dance'])
    expect(status).to.equal(64)
    expect(stderr).to.match(/^cohort: usage: .+\n$/)
  })

  it('finds its scripts in a folder with a name that URLs would escape', async () => {
    const odd = join(folder, 'co hört #1 %20?')
    cpSync(join(ROOT, 'scripts'), join(odd, 'scripts'), { recursive: true })
    const { resolveScript } = await import(pathToFileURL(join(odd, 'scripts', 'bootstrap.mjs')).href)
    expect(resolveScript('scripts/test.ts')).to.equal(join(odd, 'scripts', 'test.ts'))
  })

  it('hands a compiler to import() by a path that is read as it is written', async () => {
    const odd = join(folder, 'a#b%20c?')
    mkdirSync(odd)
    const file = join(odd, 'soljson.js')
    writeFileSync(file, 'export const compiler = 1')
    const copy = importablePath(file, '1.2.3', folder)
    expect((await import(copy)).compiler).to.equal(1)
    expect(importablePath(copy, '1.2.3', folder)).to.equal(copy)
    writeFileSync(file, 'export const compiler = 12')
    expect(readFileSync(importablePath(file, '1.2.3', folder), 'utf8')).to.equal('export const compiler = 12')
  })

  it('ends as its command does, also one that a signal ended', async () => {
    const ends = (code: string) => become(process.execPath, null, ['-e', code])
    const killedBy = (signal: string) => ends(`process.kill(process.pid, '${signal}'); setTimeout(() => {}, 5000)`)
    expect([
      await ends('process.exit(64)'),
      await ends(''),
      await killedBy('SIGKILL'),
      await killedBy('SIGTERM'),
    ]).to.deep.equal([64, 0, 137, 143])
  })

  it('compiles no contracts for a command that needs none', () => {
    const cli = 'keepers/cli/main.ts'
    for (const line of ['', '--help', 'keeper run --help', 'dao -h', 'zkml compile model', 'learning train', '-V']) {
      expect(worksWithoutContracts(cli, line.split(' ').filter(Boolean)), line).to.equal(true)
    }
    for (const line of ['keeper run', 'dao status', 'infer answer', 'fsm check', 'story publish']) {
      expect(worksWithoutContracts(cli, line.split(' ')), line).to.equal(false)
    }
    expect(worksWithoutContracts('scripts/demo/main.ts', [])).to.equal(false)
  })

  it('says in one line that npm is missing', () => {
    // A copy of Node alone in a folder, and nothing else on the PATH.
    const lonely = join(folder, 'bin')
    cpSync(process.execPath, join(lonely, 'node'))
    const { status, stderr } = spawnSync(join(lonely, 'node'), ['scripts/bootstrap.mjs', 'setup'], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: lonely },
    })
    expect(status).to.equal(69)
    expect(stderr.trim().split('\n').at(-1)).to.match(/^cohort: npm was not found: install it/)
  })

  it('says in one line that the registry cannot be reached, and leaves no marker behind', () => {
    const { status, stderr } = run(['setup'], {
      npm_config_registry: 'http://127.0.0.1:9/',
      npm_config_cache: join(folder, 'empty-cache'),
      npm_config_fetch_retries: '0',
    })
    expect(status).to.equal(73)
    expect(stderr.trim().split('\n').at(-1)).to.match(/^cohort: the npm registry cannot be reached/)
    expect(spawnSync('ls', ['node_modules/.cohort-installed'], { cwd: folder }).status).to.not.equal(0)
  }).timeout(120_000)

  it('takes what npm installed by hand, unless a package for this platform was left out', () => {
    const here = { os: 'linux', cpu: 'x64', libc: 'glibc' }
    const native = { version: '2.0.0', optional: true, os: ['linux'], cpu: ['x64'], libc: ['glibc'] }
    const locked = {
      '': {},
      'node_modules/a': { version: '1.0.0' },
      'node_modules/a-native': native,
      'node_modules/a-musl': { ...native, libc: ['musl'] },
      'node_modules/may-fail': { version: '3.0.0', optional: true },
    }
    const whole = { 'node_modules/a': { version: '1.0.0' }, 'node_modules/a-native': { version: '2.0.0' } }
    expect(matchesLockfile(locked, whole, here)).to.equal(true)
    expect(matchesLockfile(locked, { 'node_modules/a': whole['node_modules/a'] }, here)).to.equal(false)
    expect(matchesLockfile(locked, { 'node_modules/a': whole['node_modules/a'] }, { ...here, os: 'darwin' })).to.equal(
      true,
    )
    expect(matchesLockfile(locked, { ...whole, 'node_modules/a': { version: '1.0.1' } }, here)).to.equal(false)
    expect(matchesLockfile(locked, {}, here)).to.equal(false)
  })

  it('bounds young objects in a keeper, which runs for months, in a prover, and in nothing else', () => {
    for (const command of [
      ['keeper', 'run', '--data', 'k'],
      ['zkml', 'fullprove', 'digits'],
    ]) {
      expect(nodeFlags(['/x/keepers/cli/main.ts', ...command]).join(' ')).to.contain('semi-space')
    }
    const keeper = nodeFlags(['/x/keepers/cli/main.ts', 'keeper', 'run'])
    for (const other of ['test/e2e/liar.ts', '.cache/program/0/test.e2e.liar.mjs', 'scripts/demo/spoiler.ts']) {
      expect(nodeFlags([`/x/${other}`, 'folder']), other).to.deep.equal(keeper)
    }
    for (const command of [
      ['/x/keepers/cli/main.ts', 'keeper', 'status'],
      ['/x/keepers/cli/main.ts', 'zkml', 'calibrate'],
      ['/x/scripts/test.ts'],
      [],
    ]) {
      expect(nodeFlags(command).join(' ')).to.not.contain('semi-space')
    }
  })

  it('takes over the lock of a process that died', () => {
    cpSync(join(ROOT, '.gitignore'), join(folder, '.gitignore'))
    spawnSync('mkdir', ['-p', join(folder, '.cache')])
    writeFileSync(join(folder, '.cache', 'install.lock'), '999999999')
    const { status } = run(['setup'], {
      npm_config_registry: 'http://127.0.0.1:9/',
      npm_config_cache: join(folder, 'c'),
      npm_config_fetch_retries: '0',
    })
    expect(status).to.equal(73)
  }).timeout(120_000)

  it('gives advice for a full disk, a read-only folder and a missing permission', () => {
    expect(adviceFor('npm error code ENOSPC')).to.match(/disk is full/)
    expect(adviceFor('npm error code EROFS')).to.match(/read-only/)
    expect(adviceFor('nothing of note')).to.equal(null)
    const denied = Object.assign(new Error("EACCES: permission denied, mkdir '/x'"), { code: 'EACCES' })
    expect(explain(denied)).to.have.property('code', 73)
    expect(explain(denied).line).to.not.include('\n')
  })
})
