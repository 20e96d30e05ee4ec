// SPDX-License-Identifier: GPL-3.0-or-later
// Data planes in network namespaces: a relay and a keeper with public addresses, and two keepers behind routers that translate addresses.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import type { Command } from './nat-peer.ts'

const MIB = 1 << 20
const NET = `nat${process.pid}`
/** Of no real network that this machine could reach from the namespaces; public in the eyes of libp2p. */
const PUBLIC = { relay: '11.7.0.1', open: '11.7.0.2', router1: '11.7.0.11', router2: '11.7.0.12' } as const
const BEHIND = { hidden1: '192.168.71.2', hidden2: '192.168.72.2' } as const

const spaceOf = (name: string): string => `${NET}-${name}`
const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
const within = (name: string, ...args: string[]): void => ip('netns', 'exec', spaceOf(name), ...args)

/** A street with public addresses, and two houses whose routers let nothing in that nobody inside has asked for. */
function build(): void {
  for (const name of ['street', ...Object.keys(PUBLIC), ...Object.keys(BEHIND)]) {
    ip('netns', 'add', spaceOf(name))
    ip('-n', spaceOf(name), 'link', 'set', 'lo', 'up')
  }
  ip('-n', spaceOf('street'), 'link', 'add', 'br0', 'type', 'bridge')
  ip('-n', spaceOf('street'), 'link', 'set', 'br0', 'up')
  for (const [name, address] of Object.entries(PUBLIC)) {
    ip('-n', spaceOf('street'), 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', spaceOf(name))
    ip('-n', spaceOf('street'), 'link', 'set', name, 'master', 'br0', 'up')
    ip('-n', spaceOf(name), 'address', 'add', `${address}/24`, 'dev', 'eth0')
    ip('-n', spaceOf(name), 'link', 'set', 'eth0', 'up')
  }
  for (const [index, [name, address]] of Object.entries(BEHIND).entries()) {
    const router = `router${index + 1}`
    const inside = address.replace(/\d+$/, '1')
    ip('-n', spaceOf(router), 'link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', spaceOf(name))
    ip('-n', spaceOf(router), 'address', 'add', `${inside}/24`, 'dev', 'lan')
    ip('-n', spaceOf(router), 'link', 'set', 'lan', 'up')
    ip('-n', spaceOf(name), 'address', 'add', `${address}/24`, 'dev', 'eth0')
    ip('-n', spaceOf(name), 'link', 'set', 'eth0', 'up')
    ip('-n', spaceOf(name), 'route', 'add', 'default', 'via', inside)
    within(router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
    within(router, 'iptables', '-t', 'nat', '-A', 'POSTROUTING', '-o', 'eth0', '-j', 'MASQUERADE')
    within(router, 'iptables', '-A', 'FORWARD', '-i', 'eth0', '-m', 'conntrack', '--ctstate', 'NEW', '-j', 'DROP')
  }
}

function tearDown(): void {
  for (const name of ['street', ...Object.keys(PUBLIC), ...Object.keys(BEHIND)]) {
    try {
      ip('netns', 'delete', spaceOf(name))
    } catch {
      // It was not made.
    }
  }
}

class Peer {
  readonly id: string
  readonly addresses: readonly string[]
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  private constructor(
    child: ChildProcess,
    lines: AsyncIterator<string>,
    said: { peerId: string; addresses: string[] },
  ) {
    this.#child = child
    this.#lines = lines
    this.id = said.peerId
    this.addresses = said.addresses
  }

  static async start(space: string, options: object): Promise<Peer> {
    const program = [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, 'nat-peer.ts'),
    ]
    const command = ['netns', 'exec', spaceOf(space), ...program, JSON.stringify(options)]
    const child = spawn('ip', command, { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    return new Peer(child, lines, JSON.parse((await lines.next()).value as string))
  }

  async ask(command: Command): Promise<any> {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`)
    return JSON.parse((await this.#lines.next()).value as string)
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }
}

describe('keepers behind NATs', function () {
  this.timeout(300_000)
  const folder = mkdtempSync(join(tmpdir(), 'cohort-nat-'))
  const listen = ['/ip4/0.0.0.0/tcp/4001']
  const peers: Peer[] = []
  const start = async (name: string, seed: number, more: object): Promise<Peer> => {
    const peer = await Peer.start(name, { folder: join(folder, `${name}-${seed}`), seed, listen, ...more })
    peers.push(peer)
    return peer
  }
  const place = (address: string): { announce: string[] } => ({ announce: [`/ip4/${address}/tcp/4001`] })
  let relay: Peer
  let open: Peer
  let hidden1: Peer
  let hidden2: Peer
  let serve: string[]

  before(async function () {
    try {
      build()
    } catch (error) {
      const reason = String((error as { stderr?: Buffer }).stderr ?? error).trim()
      process.stderr.write(`    no network namespaces with address translation here: ${reason.split('\n')[0]}\n`)
      tearDown()
      this.skip()
    }
    // Their ids follow from their seeds.
    serve = []
    for (const seed of [3, 4]) {
      const peer = await Peer.start('open', { folder: join(folder, `id-${seed}`), seed })
      serve.push(peer.id)
      await peer.kill()
    }
    relay = await start('relay', 1, { ...place(PUBLIC.relay), nat: { serve } })
    open = await start('open', 2, place(PUBLIC.open))
    const nat = { relays: [relay.addresses[0]!] }
    hidden1 = await start('hidden1', 3, { nat })
    hidden2 = await start('hidden2', 4, { nat })
  })
  after(async () => {
    await Promise.all(peers.map((peer) => peer.kill()))
    tearDown()
    rmSync(folder, { recursive: true, force: true })
  })

  const fetchSoon = async (from: Peer, cid: string, address: string, seconds = 30): Promise<unknown> => {
    for (const end = performance.now() + seconds * 1000; ; await wait(500)) {
      const got = await from.ask({ do: 'fetch', cid, from: address })
      if (typeof got === 'number' || performance.now() > end) return got
    }
  }

  it('cannot be dialled at their routers', async () => {
    const cid = await hidden1.ask({ do: 'publish', bytes: 1000 })
    const from = `/ip4/${PUBLIC.router1}/tcp/4001/p2p/${hidden1.id}`
    expect(await open.ask({ do: 'fetch', cid, from })).to.match(/UNAVAILABLE|TIMEOUT/)
  })

  it('give megabytes to one another through a relay that names them', async () => {
    const cid = await hidden1.ask({ do: 'publish', bytes: 3 * MIB })
    expect(hidden1.addresses[0]).to.equal(`${relay.addresses[0]}/p2p-circuit/p2p/${hidden1.id}`)
    expect(await fetchSoon(hidden2, cid, hidden1.addresses[0]!)).to.equal(3 * MIB)
    expect((await hidden2.ask({ do: 'connections' })).relayed).to.be.at.least(1)
  })

  it('dial back to one who can be dialled, and leave the relay', async () => {
    const cid = await hidden1.ask({ do: 'publish', bytes: 3 * MIB + 1 })
    expect(await fetchSoon(open, cid, hidden1.addresses[0]!)).to.equal(3 * MIB + 1)
    let connections = await open.ask({ do: 'connections' })
    for (let tries = 0; tries < 40 && connections.relayed > 0; tries++) {
      await wait(500)
      connections = await open.ask({ do: 'connections' })
    }
    expect(connections.relayed, 'connections through the relay').to.equal(0)
    // Neither the relay nor the address at the router: what is left is the connection that the hidden one has made.
    await relay.kill()
    const later = await hidden1.ask({ do: 'publish', bytes: 2 * MIB })
    expect(await fetchSoon(open, later, hidden1.addresses[0]!, 10)).to.equal(2 * MIB)
  })

  it('are told by others whether they can be dialled at the address that they announce', async () => {
    const nat = { autonat: true, askEvery: 2_000 }
    const asked = await start('relay', 7, {
      listen: ['/ip4/0.0.0.0/tcp/4002'],
      nat,
      announce: [`/ip4/${PUBLIC.relay}/tcp/4002`],
    })
    const inOpen = await start('open', 8, {
      listen: ['/ip4/0.0.0.0/tcp/4002'],
      nat,
      announce: [`/ip4/${PUBLIC.open}/tcp/4002`],
    })
    const behind = await start('hidden1', 9, {
      listen: ['/ip4/0.0.0.0/tcp/4002'],
      nat,
      announce: [`/ip4/${PUBLIC.router1}/tcp/4002`],
    })
    for (const [peer, reachable] of [
      [inOpen, true],
      [behind, false],
    ] as const) {
      expect(await peer.ask({ do: 'reachable' })).to.equal(null)
      const cid = await asked.ask({ do: 'publish', bytes: 1000 + Number(reachable) })
      expect(await fetchSoon(peer, cid, asked.addresses[0]!)).to.equal(1000 + Number(reachable))
      let said: unknown = null
      for (let tries = 0; tries < 60 && said === null; tries++) {
        await wait(500)
        said = await peer.ask({ do: 'reachable' })
      }
      expect(said, peer.id).to.equal(reachable)
    }
  })

  it('are there again when the relay was away', async () => {
    await relay.kill()
    relay = await start('relay', 1, { ...place(PUBLIC.relay), nat: { serve } })
    const cid = await hidden2.ask({ do: 'publish', bytes: MIB })
    expect(await fetchSoon(hidden1, cid, hidden2.addresses[0]!, 90)).to.equal(MIB)
  })
})
