// SPDX-License-Identifier: GPL-3.0-or-later
// Round trips that the data plane takes: two nodes in one process, and between them a wire on which every byte is so much later.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DataPlane } from '../../../keepers/network/index.ts'
import { median } from '../harness.ts'

/** One way. Long, beside what two nodes on a busy machine take themselves. */
const DELAY_MS = 150
const ROUND_TRIP = (2 * DELAY_MS) / 1000
const RUNS = 3
const BYTES = 20_000

export type RoundTrips = {
  readonly dial: number
  readonly blob: number
  readonly level: number
  /** Of a part on a new stream, and on one that has answered before. */
  readonly part: number
  readonly again: number
  /** Bytes of a first contact, and of a question and its frames beside the answer's payload. */
  readonly dialBytes: number
  readonly askBytes: number
}

/** @returns round trips, and bytes of frames, as medians. */
export async function measureRoundTrips(): Promise<RoundTrips> {
  const found: RoundTrips[] = []
  for (let run = 0; run < RUNS; run++) found.push(await once())
  const of = (what: keyof RoundTrips): number => median(found.map((trips) => trips[what]))
  return {
    ...{ dial: of('dial'), blob: of('blob'), level: of('level'), part: of('part'), again: of('again') },
    ...{ dialBytes: of('dialBytes'), askBytes: of('askBytes') },
  }
}

async function once(): Promise<RoundTrips> {
  const folder = mkdtempSync(join(tmpdir(), 'cohort-trips-'))
  const planes: DataPlane[] = []
  let wire: Wire | null = null
  try {
    for (const name of ['a', 'b']) {
      planes.push(await DataPlane.start({ folder: join(folder, name), identitySeed: randomBytes(32) }))
    }
    const [asker, asked] = planes as [DataPlane, DataPlane]
    const address = asked.addresses[0]!
    wire = await Wire.open(Number(/\/tcp\/(\d+)/.exec(address)![1]))
    const provider = `/ip4/127.0.0.1/tcp/${wire.port}/p2p/${asked.peerId}`
    const whole = await asked.publish(randomBytes(BYTES))
    const second = await asked.publish(randomBytes(BYTES))
    const third = await asked.publish(randomBytes(BYTES))
    const parted = await asked.publish(randomBytes(BYTES), { cuts: [5_000, 10_000] })
    const seconds = async (body: () => Promise<unknown>): Promise<{ trips: number; bytes: number }> => {
      const [started, before] = [performance.now(), wire!.bytes]
      await body()
      return { trips: (performance.now() - started) / 1000 / ROUND_TRIP, bytes: wire!.bytes - before }
    }
    const fetch = (cid: string) =>
      seconds(() => asker.fetch(cid, { maxBytes: 1e6, timeout: 30_000, providers: [provider] }))
    const first = await fetch(whole)
    // The protocols of both are known now, and streams are there.
    await fetch(second)
    const blob = await fetch(third)
    const cut = await fetch(parted)
    const askPart = () =>
      seconds(() =>
        asker.parts.fetch(parted, { from: 5_000, to: 10_000 }, { maxBytes: 1e6, timeout: 30_000, provider }),
      )
    const part = await askPart()
    const again = await askPart()
    return {
      ...{
        dial: first.trips - blob.trips,
        blob: blob.trips,
        level: cut.trips - blob.trips,
        part: part.trips,
        again: again.trips,
      },
      ...{ dialBytes: first.bytes - blob.bytes, askBytes: blob.bytes - BYTES },
    }
  } finally {
    for (const plane of planes) await plane.stop()
    wire?.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A wire to a port of this machine: everything arrives so much later, in both directions. */
class Wire {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  bytes = 0

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(to: number): Promise<Wire> {
    const server = createServer()
    const wire = new Wire(server)
    server.on('connection', (near) => {
      // TCP's own handshake takes a round trip before either can speak.
      near.pause()
      setTimeout(() => {
        const far = connect(to, '127.0.0.1')
        wire.#join(near, far)
        wire.#join(far, near)
        near.resume()
      }, 2 * DELAY_MS)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return wire
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from)
    from.on('data', (chunk) => {
      this.bytes += chunk.length
      setTimeout(() => to.write(chunk), DELAY_MS)
    })
    from.on('close', () => setTimeout(() => to.destroy(), DELAY_MS))
    from.on('error', () => to.destroy())
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}
