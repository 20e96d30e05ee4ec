// SPDX-License-Identifier: GPL-3.0-or-later
// The steps of deploy/container/Dockerfile by buildah, which needs no daemon, on a base made by debootstrap and the Node that runs
// this test; then the image's command in it. Some ten minutes; skipped by name where the two tools or root are missing.
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import root from '../../package.json' with { type: 'json' }
import { findNpm } from '../../scripts/bootstrap/npm.mjs'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { Cluster } from '../../scripts/cluster.ts'
import { keeperEnvironment } from '../../scripts/demo/keeper-nodes.ts'

const BASE = 'localhost/cohort-test-base'
const IMAGE = 'localhost/cohort-test'
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'
const env = { ...process.env, BUILDAH_ISOLATION: 'chroot', STORAGE_DRIVER: 'vfs' }
const missing = ['buildah', 'debootstrap'].filter((tool) => spawnSync(tool, ['--version']).status !== 0)

/** @throws with what the program said, when it fails */
function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { env, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout.trim()
}

describe('the image of deploy/container', function () {
  this.timeout(1_800_000)
  let folder: string
  let container = ''

  before(function () {
    if (missing.length > 0) {
      console.log(`    not installed: ${missing.join(', ')}`)
      this.skip()
    }
    if (process.getuid?.() !== 0) this.skip()
    folder = mkdtempSync(join(tmpdir(), 'cohort-container-'))
    makeBase()
    const context = join(folder, 'context')
    mkdirSync(context)
    const files = run('git', '-C', ROOT, 'ls-files', '--cached', '--others', '--exclude-standard').split('\n')
    for (const file of files) cpSync(join(ROOT, file), join(context, file))
    const dockerfile = join(context, 'deploy/container/Dockerfile')
    run('buildah', 'bud', '--format', 'docker', '--build-arg', `BASE=${BASE}`, '-f', dockerfile, '-t', IMAGE, context)
    container = run('buildah', 'from', '--pull-never', IMAGE)
  })
  after(() => {
    if (container !== '') run('buildah', 'rm', container)
    for (const image of [IMAGE, BASE])
      if (folder !== undefined) spawnSync('buildah', ['rmi', '--force', image], { env })
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  /** A Debian with Node, as a registry's image would be. */
  function makeBase(): void {
    const system = join(folder, 'system')
    run('debootstrap', '--variant=minbase', '--include=ca-certificates,git', 'bookworm', system)
    cpSync(process.execPath, join(system, 'usr/local/bin/node'))
    const modules = join(system, 'usr/local/lib/node_modules')
    cpSync(join(findNpm(), '../..'), join(modules, 'npm'), { recursive: true, dereference: true })
    for (const tool of ['npm', 'npx']) {
      symlinkSync(`../lib/node_modules/npm/bin/${tool}-cli.js`, join(system, 'usr/local/bin', tool))
    }
    // The machine's own authorities: it may reach the registry through a proxy of its own.
    if (existsSync(CERTIFICATES)) cpSync(CERTIFICATES, join(system, CERTIFICATES))
    const made = run('buildah', 'from', 'scratch')
    run('buildah', 'add', made, system, '/')
    run('buildah', 'config', '--env', `NODE_EXTRA_CA_CERTS=${CERTIFICATES}`, made)
    run('buildah', 'commit', made, BASE)
    run('buildah', 'rm', made)
  }

  const inside = (...command: string[]): SpawnSyncReturns<string> =>
    spawnSync('buildah', ['run', container, '--', ...command], { env, encoding: 'utf8' })

  it('has the command, for a user who can write its data and nothing else', () => {
    expect(inside('cohort', '--version').stdout).to.equal(`${root.version}\n`)
    expect(inside('id', '-u').stdout).to.equal('10001\n')
    expect(inside('touch', '/data/x').status).to.equal(0)
    for (const place of ['/x', '/opt/cohort/x', '/usr/local/x', '/home/x']) {
      expect(inside('touch', place).status, place).to.not.equal(0)
    }
    expect(inside('cohort', 'fsm', 'check').stdout).to.match(/agree/)
    expect(inside('cohort', 'keeper', 'run', '--data', '/data').status).to.equal(78)
  })

  it('says how it is started, stopped, and asked for its health', () => {
    const said = run('buildah', 'inspect', '--type', 'image', IMAGE)
    const { Docker } = JSON.parse(said) as { Docker: { config: Record<string, unknown> } }
    expect(Docker.config).to.include({ User: 'keeper', StopSignal: 'SIGTERM' })
    expect(Docker.config.Entrypoint).to.deep.equal(['cohort'])
    expect(Docker.config.Cmd).to.deep.equal(['keeper', 'run', '--data', '/data'])
    expect(JSON.stringify(Docker.config.Healthcheck)).to.contain('/healthz')
  })

  it('holds no compiler’s leftovers: no sources, no development packages', () => {
    const unwanted = ['hardhat', 'typescript', 'mocha'].flatMap((name) => ['-o', '-path', `*/node_modules/${name}`])
    const found = inside('find', '/opt/cohort', '-name', '*.ptau', ...unwanted).stdout
    expect(found).to.equal('')
    expect(inside('ls', '/src').status).to.not.equal(0)
  })

  it('runs a keeper that completes a round with three others, answers for its health, and ends on SIGTERM', async () => {
    await using cluster = await Cluster.create({ keepers: 4 })
    const [inImage, ...others] = cluster.nodes
    const place = `/data/${inImage!.name}`
    const copy = `cp -r /from ${place} && chown -R keeper:keeper ${place}`
    run('buildah', 'run', '--user', 'root', '--volume', `${inImage!.folder}:/from`, container, '--', 'sh', '-c', copy)
    const secrets = Object.entries(keeperEnvironment()).flatMap(([name, value]) => ['--env', `${name}=${value}`])
    // The process in the container is not ours to signal: its shell does it when this file appears.
    const script = `cohort keeper run --data ${place} > ${place}/log 2>&1 & keeper=$!
      while kill -0 $keeper && ! [ -e /data/stop ]; do sleep 1; done
      node -e "fetch('${inImage!.monitoring}/healthz').then((r) => console.log('health', r.status))"
      date +%s; kill -TERM $keeper; wait $keeper; echo $?; date +%s`
    const child = spawn('buildah', ['run', ...secrets, container, '--', 'sh', '-c', script], { env })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    for (const node of others) cluster.start(node)
    await cluster.accepted(others[0]!, 1)
    const finished = once(child, 'close')
    inside('touch', '/data/stop')
    const [code] = (await finished) as [number | null]
    const log = inside('cat', `${place}/log`).stdout
    expect(code, said + log.slice(-2000)).to.equal(0)
    const [, health, start, status, end] = /health (\d+)\n(\d+)\n(\d+)\n(\d+)\n$/.exec(said)!.map(Number)
    expect([health, status]).to.deep.equal([200, 0])
    expect(end! - start!).to.be.at.most(10)
    expect(log).to.contain('"event":"model accepted"')
  })
})
