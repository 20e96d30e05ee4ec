// SPDX-License-Identifier: GPL-3.0-or-later
// The page docs/operating-a-keeper.md, walked in a clean Debian: the packed command, then the very commands of "From nothing to running",
// until the keeper is a member of a service that runs. Skipped by name where debootstrap or root are missing.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect } from 'chai'
import { Wallet } from 'ethers'
import { writeKeystore } from '../../keepers/chain/index.ts'
import { findNpm } from '../../scripts/bootstrap/npm.mjs'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { Cluster } from '../../scripts/cluster.ts'
import { accountKey } from '../../scripts/demo/accounts.ts'
import { ACCOUNT } from '../../scripts/demo/deployment.ts'
import { freePort } from '../../scripts/demo/ports.ts'
import { PACKAGES } from '../../scripts/packages/list.ts'
import { packAll } from '../../scripts/packages/pack.ts'
import { patientsManifest, patientsValues, writePatients } from './patients.ts'

const PASSPHRASE = 'of this walk only'
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'
const PAGE = readFileSync(join(ROOT, 'docs/operating-a-keeper.md'), 'utf8')
/** The promise: from an empty machine with Node to a member. */
const MINUTES = 10

/** The commands of the section, one a line, without comments. */
function commandsOfPage(): string[] {
  const block = /\n## From nothing to running\n+```\w*\n([\s\S]*?)```/.exec(PAGE)?.[1]
  if (block === undefined) throw new Error('docs/operating-a-keeper.md: no commands under "From nothing to running"')
  const lines = block.replaceAll(/\\\n\s*/g, '').split('\n')
  return lines.map((line) => line.replace(/\s+#.*$/, '').trim()).filter((line) => line !== '')
}

describe('the page for operators, in a clean Debian', function () {
  this.timeout(2_400_000)
  let folder: string
  let system: string
  let cluster: Cluster
  let child: ChildProcess | undefined
  let mounted = false
  const times: [string, number][] = []

  before(function () {
    if (spawnSync('debootstrap', ['--version']).status !== 0) {
      console.log('    not installed: debootstrap')
      this.skip()
    }
    if (process.getuid?.() !== 0) this.skip()
    folder = mkdtempSync(join(tmpdir(), 'cohort-walk-'))
    system = process.env.COHORT_DEBIAN_ROOT ?? join(folder, 'system')
  })
  after(async () => {
    child?.kill('SIGKILL')
    await cluster?.[Symbol.asyncDispose]()
    if (mounted) spawnSync('umount', ['--lazy', join(system, 'proc')])
    for (const [what, seconds] of times) console.log(`      ${seconds.toFixed(1).padStart(7)} s  ${what}`)
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  async function timed<T>(what: string, body: () => T | Promise<T>): Promise<T> {
    const start = performance.now()
    try {
      return await body()
    } finally {
      times.push([what, (performance.now() - start) / 1000])
    }
  }

  const inside = (command: string): readonly [string, string[], { env: NodeJS.ProcessEnv }] => [
    'chroot',
    [system, '/bin/sh', '-ec', command],
    {
      env: {
        ...{ PATH: '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', NODE_EXTRA_CA_CERTS: CERTIFICATES },
        ...{ COHORT_PASSPHRASE: PASSPHRASE, NODE_OPTIONS: '--max-semi-space-size=4' },
      },
    },
  ]
  /** A command of the page. @throws with what it said, when it fails */
  async function run(command: string): Promise<string> {
    const [program, args, options] = inside(command)
    const made = spawn(program, args, options)
    let said = ''
    let output = ''
    made.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
      output += text
    })
    made.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    const [code] = (await once(made, 'close')) as [number | null]
    if (code !== 0) throw new Error(`${command}\nended with ${code}: ${said}`)
    return output
  }

  function makeSystem(): void {
    const { status, stderr, stdout } = spawnSync(
      'debootstrap',
      ['--variant=minbase', '--include=ca-certificates', 'bookworm', system],
      { encoding: 'utf8', maxBuffer: 1 << 28 },
    )
    if (status !== 0) throw new Error(`debootstrap: ${stdout}${stderr}`)
  }

  /** Node as its own archive for Linux puts it below /usr/local. */
  function addNode(): void {
    cpSync(process.execPath, join(system, 'usr/local/bin/node'))
    const modules = join(system, 'usr/local/lib/node_modules')
    cpSync(join(findNpm(), '../..'), join(modules, 'npm'), { recursive: true, dereference: true })
    for (const tool of ['npm', 'npx']) {
      const link = join(system, 'usr/local/bin', tool)
      rmSync(link, { force: true })
      symlinkSync(`../lib/node_modules/npm/bin/${tool}-cli.js`, link)
    }
    // The machine's own authorities and resolver: it may reach the registry through a proxy of its own.
    if (existsSync(CERTIFICATES)) cpSync(CERTIFICATES, join(system, CERTIFICATES))
    cpSync('/etc/resolv.conf', join(system, 'etc/resolv.conf'), { dereference: true })
  }

  it('leads from nothing to a member of a running service within ten minutes', async () => {
    if (!existsSync(join(system, 'bin/sh'))) await timed('(before) Debian by debootstrap', makeSystem)
    await timed('(before) Node', addNode)
    mounted = spawnSync('mount', ['-t', 'proc', 'proc', join(system, 'proc')]).status === 0
    const cli = PACKAGES.filter(({ name }) => name === 'cli')
    const [packed] = await timed('(before) npm run packages -- cli', () => packAll(join(folder, 'packages'), cli))
    cpSync(packed!.tarball, join(system, 'root', basename(packed!.tarball)))
    cluster = await timed('(before) a service with three keepers', async () => {
      const made = await Cluster.create({
        ...{ keepers: 3, later: 1, pace: 'punctual' },
        windows: {
          registrationWindow: 20,
          keyWindow: 90,
          trainingWindow: 60,
          revealWindow: 60,
          aggregateWindow: 60,
          decryptWindow: 60,
          voteWindow: 30,
        },
        service: { decryptionsPerEpoch: 2 },
        manifest: patientsManifest(),
        values: (index) => {
          const file = join(folder, `${index}.csv`)
          writePatients(file, index)
          return patientsValues(file)
        },
      })
      for (const node of made.nodes) made.start(node)
      await made.accepted(made.nodes[0]!, 1, 600_000)
      return made
    })
    const home = join(system, 'srv/keeper')
    rmSync(home, { recursive: true, force: true })
    mkdirSync(join(system, 'srv'), { recursive: true })
    writePatients(join(system, 'root/patients.csv'), 3)
    const owner = new Wallet(accountKey(ACCOUNT.firstOwner + 3))
    const keystore = join(system, 'root/owner.json')
    rmSync(keystore, { force: true })
    await writeKeystore(keystore, owner, PASSPHRASE, { scryptN: 1024 })
    const [listen, monitoring] = [await freePort(), await freePort()]

    const started = performance.now()
    await timed('npm install --global', () => run(`cd /root && npm install --global ./${basename(packed!.tarball)}`))
    const commands = commandsOfPage()
    expect(commands.map((line) => line.split(' ')[0])).to.deep.equal(['npx', '$EDITOR', 'npx', 'npx', 'npx'])
    for (const line of commands) {
      const command = line
        .replace(/^npx cohort/, 'cohort')
        .replace('--service 0x…', `--service ${cluster.service}`)
        .replace('https://one.example https://two.example', cluster.url)
        .replace('/ip4/0.0.0.0/tcp/4001', `/ip4/127.0.0.1/tcp/${listen}`)
        .replace(/^\$EDITOR/, `sed -i 's/^  port: 9464/  port: ${monitoring}/; s/pollSeconds: 2/pollSeconds: 0.5/'`)
      if (/keeper run/.test(command)) {
        const [program, args, options] = inside(`cd /root && exec ${command}`)
        child = spawn(program, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
        break
      }
      await timed(line, () => run(`cd /root && ${command}`))
    }
    const status = async (): Promise<Record<string, any>> =>
      JSON.parse(await run('cohort keeper status --data /srv/keeper --json'))
    await timed('cohort keeper run, until it is a member', async () => {
      for (;;) {
        const { member, process: answer, notMember } = await status()
        if (child!.exitCode !== null) throw new Error(`the keeper ended with ${child!.exitCode}`)
        if (member && answer?.member === true) return
        if (performance.now() - started > 2 * MINUTES * 60_000) throw new Error(`not a member: ${notMember}`)
        await new Promise((done) => setTimeout(done, 3_000))
      }
    })
    const minutes = (performance.now() - started) / 60_000
    times.push(['from nothing to a member', minutes * 60])
    await timed('(after) cohort doctor', () => run('cohort doctor --data /srv/keeper'))
    const gone = once(child!, 'exit')
    child!.kill('SIGTERM')
    expect((await gone)[0]).to.equal(0)
    expect(minutes).to.be.below(MINUTES)
  })
})
