// SPDX-License-Identifier: GPL-3.0-or-later
// Kubo, IPFS as most others run it, and keepers: each reads from the other. Needs its program `ipfs`, on the PATH or where COHORT_KUBO says.
// Go's module proxy has its sources: in those of 0.38.2, `go build ./cmd/ipfs` (with Go 1.26 after `go get github.com/cockroachdb/swiss@latest`).
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { cidFromHex, DataPlane } from '../../keepers/network/index.ts'
import { Cluster, clusterManifest } from '../../scripts/cluster.ts'
import { freePort } from '../../scripts/demo/ports.ts'

const MIB = 1 << 20

/** Path of Kubo's program, or null. */
function findKubo(): string | null {
  const told = process.env.COHORT_KUBO
  const places = told === undefined ? (process.env.PATH ?? '').split(delimiter).map((one) => join(one, 'ipfs')) : [told]
  const isProgram = (place: string): boolean => {
    try {
      accessSync(place, constants.X_OK)
      return true
    } catch {
      return false
    }
  }
  return places.find(isProgram) ?? null
}

/** A daemon with a repository of its own on the loopback interface, which knows nobody. */
class Kubo {
  address = ''
  readonly #program: string
  readonly #env: NodeJS.ProcessEnv
  #daemon: ChildProcess | null = null

  constructor(program: string, folder: string) {
    this.#program = program
    this.#env = { ...process.env, IPFS_PATH: folder }
  }

  async start(): Promise<void> {
    await this.run('init', '--profile=test')
    const port = await freePort()
    await this.run('config', '--json', 'Addresses.Swarm', JSON.stringify([`/ip4/127.0.0.1/tcp/${port}`]))
    const daemon = spawn(this.#program, ['daemon', '--migrate=false'], {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#daemon = daemon
    let said = ''
    await new Promise<void>((ready, fail) => {
      const hear = (text: Buffer): void => {
        said += text
        if (said.includes('Daemon is ready')) ready()
      }
      daemon.stdout.on('data', hear)
      daemon.stderr.on('data', hear)
      daemon.once('exit', (code) => fail(new Error(`ipfs daemon ended with ${code}: ${said}`)))
    })
    const { ID } = JSON.parse((await this.run('id')).toString()) as { ID: string }
    this.address = `/ip4/127.0.0.1/tcp/${port}/p2p/${ID}`
  }

  async run(...args: string[]): Promise<Buffer> {
    const options = { env: this.#env, encoding: 'buffer', maxBuffer: 64 * MIB, timeout: 120_000 } as const
    return (await promisify(execFile)(this.#program, args, options)).stdout
  }

  async stop(): Promise<void> {
    const daemon = this.#daemon
    if (daemon === null || daemon.exitCode !== null) return
    const gone = once(daemon, 'exit')
    daemon.kill('SIGTERM')
    await gone
  }
}

describe('Kubo and keepers', function () {
  this.timeout(900_000)
  const folder = mkdtempSync(join(tmpdir(), 'cohort-kubo-'))
  let kubo: Kubo
  let plane: DataPlane | undefined
  let cluster: Cluster | undefined

  before(async function () {
    const program = findKubo()
    if (program === null) {
      process.stderr.write('    Kubo is not installed here: put `ipfs` on the PATH, or set COHORT_KUBO to its path\n')
      this.skip()
    }
    kubo = new Kubo(program, join(folder, 'kubo'))
    await kubo.start()
    plane = await DataPlane.start({ folder: join(folder, 'plane'), identitySeed: randomBytes(32) })
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
    await plane?.stop()
    await kubo?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** How Kubo may cut and lay out a file: its defaults of today and of before, and others. */
  const LAYOUTS: Readonly<Record<string, readonly string[]>> = {
    'its defaults': [],
    CIDv1: ['--cid-version=1'],
    'CIDv0 with leaves in protobuf': ['--cid-version=0', '--raw-leaves=false'],
    'chunks of a mebibyte': ['--chunker=size-1048576'],
    'chunks by content': ['--chunker=rabin'],
    'a trickle DAG': ['--trickle'],
  }
  for (const [layout, options] of Object.entries(LAYOUTS)) {
    it(`a keeper reads 3 MiB from Kubo, with ${layout}`, async () => {
      const bytes = randomBytes(3 * MIB + 7)
      const file = join(folder, 'file')
      writeFileSync(file, bytes)
      const cid = (await kubo.run('add', '--quieter', '--pin', ...options, file)).toString().trim()
      const got = await plane!.fetch(cid, { maxBytes: 4 * MIB, timeout: 60_000, providers: [kubo.address] })
      expect(Buffer.compare(got, bytes), cid).to.equal(0)
    })
  }

  it('Kubo reads from a keeper what it stores, of one block and of many', async () => {
    await kubo.run('swarm', 'connect', plane!.addresses[0]!)
    for (const size of [1, 1000, 4 * MIB + 3]) {
      const bytes = randomBytes(size)
      const cid = await plane!.publish(bytes)
      expect(Buffer.compare(await kubo.run('cat', cid), bytes), `${size} bytes, ${cid}`).to.equal(0)
      await kubo.run('pin', 'add', cid)
    }
  })

  it('Kubo reads models and updates of a round from keepers that are at work', async () => {
    cluster = await Cluster.create({
      keepers: 4,
      manifest: clusterManifest('logistic'),
      windows: { keyWindow: 400, trainingWindow: 300, revealWindow: 300, aggregateWindow: 300, decryptWindow: 300 },
      values: () => ({ 'data.limit': 60 }),
    })
    for (const node of cluster.nodes) cluster.start(node)
    await Promise.all(cluster.nodes.map((node) => cluster!.accepted(node, 1, 600_000)))
    const [first] = cluster.nodes
    const started = cluster.lines.find((line) => line.event === 'started' && line.node === first!.name)
    const [address] = started!.addresses as string[]
    await kubo.run('swarm', 'connect', address!)
    const accepted = cluster.lines.find((line) => line.event === 'model accepted' && line.round === 1)
    const model = await kubo.run('cat', String(accepted?.cid))
    expect(model.subarray(0, 4).toString()).to.equal('CMDL')
    // An update is sealed: what Kubo gets are the bytes that the chain has the size of.
    const revealed = await cluster.event(
      'an update of the first keeper',
      ({ name, args }) => name === 'UpdateRevealed' && Number(args.seat) === first!.seat,
    )
    const update = await kubo.run('cat', cidFromHex(String(revealed.args.cid)))
    expect(update.length).to.equal(Number(revealed.args.size))
    expect(update.subarray(0, 4).toString()).to.equal('CKTH')
  })
})
