// SPDX-License-Identifier: GPL-3.0-or-later
// A data plane as a process of its own, to be put behind a NAT: takes its options as JSON, then commands, one a line, and answers each
// with a line.
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { DataPlane, type NodeOptions } from '../../keepers/network/index.ts'

export type Command =
  | { readonly do: 'publish'; readonly bytes: number }
  | { readonly do: 'fetch'; readonly cid: string; readonly from: string }
  | { readonly do: 'connections' }
  | { readonly do: 'reachable' }

const { seed, ...options } = JSON.parse(process.argv[2]!) as Omit<NodeOptions, 'identitySeed'> & { seed: number }
const plane = await DataPlane.start({ ...options, identitySeed: new Uint8Array(32).fill(seed) })

async function answerTo(command: Command): Promise<unknown> {
  if (command.do === 'publish') return await plane.publish(randomBytes(command.bytes))
  if (command.do === 'connections') return { all: plane.connections, relayed: plane.relayedConnections }
  if (command.do === 'reachable') return plane.reachable
  const fetched = plane.fetch(command.cid, { maxBytes: 8 << 20, timeout: 6_000, providers: [command.from] })
  return await fetched.then(
    (bytes) => bytes.length,
    (error) => (error as { code: string }).code,
  )
}

const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)
say({ peerId: plane.peerId, addresses: plane.addresses })
for await (const line of createInterface({ input: process.stdin })) say(await answerTo(JSON.parse(line) as Command))
await plane.stop()
