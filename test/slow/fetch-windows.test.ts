// SPDX-License-Identifier: GPL-3.0-or-later
// How much of Aggregate's window honest keepers take to have every honest update: real data planes behind links that are slow, and each keeper
// fetching from all as it does when it adds up by itself: updates cut into slices, each by one question. Docs: round-machine.md, "Sums of too few".
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import type { Step } from '../../keepers/agent/context.ts'
import { FetchAhead } from '../../keepers/agent/steps/fetch-ahead.ts'
import { steady, systemClock } from '../../keepers/chain/index.ts'
import { sliceCuts } from '../../keepers/fhe/index.ts'
import { DataPlane, NetworkError } from '../../keepers/network/index.ts'
import { planFor, USUAL_TERMS } from '../../keepers/versions/index.ts'
import { type Link, slowDoor } from './slow-link.ts'

/** Of aggregate.ts: until when senders are asked, and until when others are. */
const [PATIENCE, PASSED_ON] = [0.3, 0.4]
/** Seconds: the shortest that ships (deploy/parameters/localhost.json); rollups and mainnets have an hour and more. */
const WINDOW = 120
/** Milliseconds between two steps of a keeper. */
const POLL = 500

type Outcome = { readonly seconds: number; readonly late: number; readonly missing: number }

/**
 * One Aggregate of so many keepers.
 * @param of.window In seconds. @param of.tricklers Of the members, the first so many are behind a link of a byte a second.
 * @returns for each of the others, when it had all of the others' updates, and what it did not have.
 */
async function aggregateOf(of: {
  readonly members: number
  readonly window: number
  readonly link: Link
  readonly tricklers?: number
}): Promise<Outcome[]> {
  const { members, window, link, tricklers = 0 } = of
  const terms = { ...USUAL_TERMS, minTotalSamples: 100 * members }
  const threshold = Math.floor(members / 2) + 1
  const plan = planFor({ members, threshold, decryptionsPerKey: 32, vectorLength: 2_410, terms })
  const bytes = plan.bytes.update
  const cuts = sliceCuts(plan, 'update')
  const folder = mkdtempSync(join(tmpdir(), 'cohort-windows-'))
  const start = (i: number) =>
    DataPlane.start({ folder: join(folder, String(i)), identitySeed: new Uint8Array(randomBytes(32)) })
  const planes: DataPlane[] = []
  const links: Server[] = []
  try {
    const doors: string[] = []
    const cids: string[] = []
    for (let i = 0; i < members; i++) {
      const plane = await start(i)
      planes.push(plane)
      cids.push(await plane.publish(new Uint8Array(randomBytes(bytes)), { round: 1, cuts }))
      const at = plane.addresses.find((address) => address.includes('/ip4/127.0.0.1/tcp/'))!
      const { server, address } = await slowDoor(at, i < tricklers ? { ...link, bytesPerSecond: 1 } : link)
      links.push(server)
      doors.push(address)
    }
    const begun = steady(systemClock)
    const timeAt = (part: number): number => begun + part * window * 1000
    const seats = cids.map((_, seat) => seat)
    const keeper = async (self: number): Promise<Outcome> => {
      const context = {
        clock: systemClock,
        config: { network: { fetchSeconds: window } },
        plane: planes[self]!,
        peers: {
          providers: async (first: number, others: readonly number[], own: number) =>
            [first, ...others].filter((seat) => seat !== own).map((seat) => doors[seat]!),
        },
        metrics: { bytesFetched: { inc: () => undefined } },
      }
      const step = { context, seat: self, signal: new AbortController().signal } as unknown as Step
      let missing = seats.filter((seat) => seat !== self)
      let late = 0
      let seconds = 0
      const isHonest = (seat: number): boolean => seat >= tricklers
      for (;;) {
        const gone = (steady(systemClock) - begun) / (window * 1000)
        if (missing.length === 0 || gone >= PASSED_ON) break
        const times = { sendersUntil: timeAt(PATIENCE), until: timeAt(gone < PATIENCE ? PATIENCE : PASSED_ON) }
        const wanted = missing.map((seat) => ({ seat, cid: cids[seat]! }))
        using ahead = new FetchAhead(step, wanted, {
          kind: 'update',
          round: 1,
          maxBytes: bytes,
          others: seats,
          cuts,
          times,
        })
        missing = []
        for await (const seat of ahead.settled()) {
          const arrival = await ahead.here(seat).catch((error: unknown) => {
            if (error instanceof NetworkError) return null
            throw error
          })
          if (arrival === null) missing.push(seat)
          else if (isHonest(seat)) {
            seconds = (steady(systemClock) - begun) / 1000
            if (arrival.isLate) late++
          }
        }
        if (missing.length > 0) await wait(POLL)
      }
      return { seconds, late, missing: missing.filter(isHonest).length }
    }
    return await Promise.all(seats.filter((seat) => seat >= tricklers).map(keeper))
  } finally {
    for (const server of links) server.close()
    await Promise.all(planes.map((plane) => plane.stop()))
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

describe('the windows in which honest updates are fetched', function () {
  this.timeout(600_000)
  const MB = 1_000_000

  /** Of keepers that have just started: across an ocean, and by satellite from a busy office. */
  const ocean = { delay: 100, bytesPerSecond: 1 * MB }
  const satellite = { delay: 500, bytesPerSecond: 0.1 * MB }
  const cases = [
    { members: 8, link: ocean },
    { members: 16, link: ocean },
    { members: 8, link: satellite },
    { members: 16, link: satellite },
    { members: 10, link: ocean, tricklers: 3 },
  ]
  for (const { members, link, tricklers = 0 } of cases) {
    const place = `${link.delay} ms each way, ${link.bytesPerSecond / MB} MB/s`
    const liars = tricklers === 0 ? '' : `, ${tricklers} of which send a byte a second`
    it(`lose none: ${members} keepers${liars}, ${place}, updates of 2,410 parameters, ${WINDOW} s`, async () => {
      const found = await aggregateOf({ members, window: WINDOW, link, tricklers })
      const most = Math.max(...found.map(({ seconds }) => seconds))
      const sum = (of: 'late' | 'missing'): number => found.reduce((all, one) => all + one[of], 0)
      const share = (100 * most) / WINDOW
      const fetches = (members - tricklers) * (members - tricklers - 1)
      process.stdout.write(
        `      the last had all after ${most.toFixed(1)} s, ${share.toFixed(0)} % of the window; of ${fetches} fetches ${sum('late')} came after 0.3, ${sum('missing')} not before 0.4\n`,
      )
      expect(sum('missing')).to.equal(0)
      expect(sum('late')).to.equal(0)
    })
  }
})
