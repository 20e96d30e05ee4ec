// SPDX-License-Identifier: GPL-3.0-or-later
// How much of Aggregate's window honest keepers take to have every honest update: real data planes behind links that are slow, and each keeper
// fetching one update after the other as it adds them up. Docs: round-machine.md, "Sums of too few".
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import { termsOf } from '../../keepers/agent/steps/review.ts'
import { steady, systemClock } from '../../keepers/chain/index.ts'
import { DataPlane, NetworkError } from '../../keepers/network/index.ts'
import { type Link, slowDoor } from './slow-link.ts'

/** Of aggregate.ts: until when senders are asked, and until when others are. */
const [PATIENCE, PASSED_ON] = [0.3, 0.4]
/** Seconds: the shortest that ships (deploy/parameters/localhost.json); rollups and mainnets have an hour and more. */
const WINDOW = 120
/** Milliseconds between two steps of a keeper. */
const POLL = 500

type Outcome = { readonly seconds: number; readonly late: number; readonly missing: number }

/** Whether keepers have talked before, as in every round but the first after a start. */
type Contact = 'connected' | 'just started'

/** One Aggregate of so many keepers. @param window In seconds. @returns for each keeper, when it had all, and what it did not. */
async function aggregateOf(
  members: number,
  bytes: number,
  window: number,
  link: Link,
  contact: Contact,
): Promise<Outcome[]> {
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
      cids.push(await plane.publish(new Uint8Array(randomBytes(bytes)), { round: 1 }))
      const at = plane.addresses.find((address) => address.includes('/ip4/127.0.0.1/tcp/'))!
      const { server, address } = await slowDoor(at, link)
      links.push(server)
      doors.push(address)
    }
    if (contact === 'connected') {
      const hello = await Promise.all(planes.map((plane) => plane.publish(new Uint8Array(randomBytes(32)))))
      const greet = async (plane: DataPlane, self: number): Promise<void> => {
        for (const [i, cid] of hello.entries()) {
          if (i !== self) await plane.fetch(cid, { maxBytes: 32, timeout: 60_000, providers: [doors[i]!] })
        }
      }
      await Promise.all(planes.map(greet))
    }
    const begun = steady(systemClock)
    const timeAt = (part: number): number => begun + part * window * 1000
    const keeper = async (self: number): Promise<Outcome> => {
      const step = { context: { clock: systemClock }, seat: self } as never
      let missing = cids.map((_, seat) => seat).filter((seat) => seat !== self)
      let late = 0
      for (;;) {
        const gone = (steady(systemClock) - begun) / (window * 1000)
        if (missing.length === 0 || gone >= PASSED_ON) break
        const times = { sendersUntil: timeAt(PATIENCE), until: timeAt(gone < PATIENCE ? PATIENCE : PASSED_ON) }
        const left: number[] = []
        for (const [i, seat] of missing.entries()) {
          const { timeout, isLate } = termsOf(step, seat, times, missing.length - i)
          const others = cids.map((_, other) => other).filter((other) => other !== self && other !== seat)
          const asked = isLate ? others : [seat, ...others]
          try {
            const options = { maxBytes: bytes, timeout: timeout!, providers: asked.map((other) => doors[other]!) }
            await planes[self]!.fetch(cids[seat]!, { ...options, round: 1 })
            if (isLate) late++
          } catch (error) {
            if (!(error instanceof NetworkError)) throw error
            left.push(seat)
          }
        }
        missing = left
        if (missing.length > 0) await wait(POLL)
      }
      return { seconds: (steady(systemClock) - begun) / 1000, late, missing: missing.length }
    }
    return await Promise.all(planes.map((_, i) => keeper(i)))
  } finally {
    for (const server of links) server.close()
    await Promise.all(planes.map((plane) => plane.stop()))
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

describe('the windows in which honest updates are fetched', function () {
  this.timeout(600_000)
  const [KB, MB] = [1000, 1_000_000]

  for (const [members, link, contact] of [
    // Across an ocean, and by a satellite.
    [8, { delay: 100, bytesPerSecond: 1 * MB }, 'just started'],
    [16, { delay: 100, bytesPerSecond: 1 * MB }, 'just started'],
    [8, { delay: 100, bytesPerSecond: 1 * MB }, 'connected'],
    [16, { delay: 100, bytesPerSecond: 1 * MB }, 'connected'],
    [8, { delay: 300, bytesPerSecond: 0.1 * MB }, 'just started'],
    [8, { delay: 300, bytesPerSecond: 0.1 * MB }, 'connected'],
  ] as const) {
    it(`lose none: ${members} keepers, ${contact}, ${link.delay} ms each way, an update of 2,410 parameters, 120 s`, async () => {
      const found = await aggregateOf(members, 20 * KB, WINDOW, link, contact)
      const most = Math.max(...found.map(({ seconds }) => seconds))
      const sum = (of: 'late' | 'missing'): number => found.reduce((all, one) => all + one[of], 0)
      const share = (100 * most) / WINDOW
      process.stdout.write(
        `      the last had all after ${most.toFixed(1)} s, ${share.toFixed(0)} % of the window; of ${members * (members - 1)} fetches ${sum('late')} came after 0.3, ${sum('missing')} not before 0.4\n`,
      )
      expect(sum('missing')).to.equal(0)
      expect(sum('late')).to.equal(0)
    })
  }

  it('lose them where an answer takes longer than the three seconds that a provider has: what this measures', async () => {
    const found = await aggregateOf(4, 20 * KB, 20, { delay: 700, bytesPerSecond: 1 * MB }, 'just started')
    expect(found.every(({ missing }) => missing > 0)).to.equal(true)
  })
})
