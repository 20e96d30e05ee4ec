// SPDX-License-Identifier: GPL-3.0-or-later
// The console in Chromium before a service of 1,000 rounds: frames while a visitor scrolls, moves over the chart, turns pages, and while
// blocks come every 100 ms; what the first screen loads. `console.{scroll,chart,pages,blocks}.{frame,frame.worst,busy,longest,dropped}`,
// `console.first.{bytes,shown}`.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core'
import { parseDeployment } from '../../keepers/chain/index.ts'
import { freePort } from '../demo/ports.ts'
import { buildPage, prepareSite, servePage } from '../web/site.ts'
import { serveChain } from './console/chain.ts'
import { madeDeployment } from './console/deployment.ts'
import { madeHistory, ownerOf, ROUND_BLOCKS } from './console/history.ts'
import type { Bench, BenchContext } from './harness.ts'

const ROUNDS = 1_000
const SECONDS = 6
/** A mouse says where it is 125 times a second. */
const POINTER_MS = 8
/** A frame at 60 a second, and what a display's clock may differ by. */
const FRAME_MS = 1000 / 60
const DROPPED_MS = 1.5 * FRAME_MS

export const bench: Bench = {
  area: 'console',
  summary: `frames of the console before ${ROUNDS} rounds, in Chromium (a minute)`,
  async run(context) {
    const executablePath = process.env.COHORT_CHROMIUM ?? '/usr/bin/chromium'
    const folder = await mkdtemp(join(tmpdir(), 'cohort-console-'))
    const deployment = parseDeployment(madeDeployment())
    const service = deployment.services[0]!.address
    const logs = madeHistory(ROUNDS)
    const chain = await serveChain({
      ...{ deployment, logs: new Map([[service.toLowerCase(), logs]]), head: logs.at(-1)!.block + 70, blockEvery: 100 },
      says: standing,
    })
    let browser: Browser | null = null
    let stop = async (): Promise<void> => undefined
    try {
      context.progress('building the page')
      await buildPage(folder, true)
      const site = await prepareSite({ rpc: [chain.url], gateways: [], circuits: [], deployment })
      const served = await servePage(site, { folder, port: await freePort() })
      stop = served.stop
      browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
      const page = await browser.newPage({ viewport: { width: 1200, height: 900 } })
      await measureFirst(context, page, served.url)
      const session = await page.context().newCDPSession(page)
      // Its own processor time, not the clock: other programs on the machine do not count.
      await session.send('Performance.enable', { timeDomain: 'threadTicks' })
      const box = (await page.locator('.chart canvas').boundingBox())!
      await measure(context, { page, session, name: 'blocks', note: 'nobody touches it' }, async () => {
        await page.waitForTimeout(50)
      })
      let step = 0
      await measure(context, { page, session, name: 'chart', note: 'the pointer moves over the chart' }, async () => {
        step = (step + 7) % 1_000
        await page.mouse.move(box.x + (box.width * step) / 1_000, box.y + box.height / 2)
        await page.waitForTimeout(POINTER_MS)
      })
      await measure(context, { page, session, name: 'scroll', note: 'the wheel turns' }, async () => {
        await page.mouse.wheel(0, step++ % 20 < 10 ? 120 : -120)
        await page.waitForTimeout(POINTER_MS)
      })
      await measure(context, { page, session, name: 'pages', note: 'older rounds, page by page' }, async () => {
        const older = page.getByRole('button', { name: 'Older' }).first()
        if (await older.isEnabled()) await older.click()
        await page.waitForTimeout(100)
      })
      context.progress(`${chain.requests()} requests to the endpoint`)
    } finally {
      await browser?.close()
      await stop()
      await chain.stop()
      await rm(folder, { recursive: true, force: true })
    }
  },
}

/** A service in the middle of its last round. */
function standing(method: string, { name, type }: { readonly name: string; readonly type: string }): unknown {
  if (method === 'snapshot')
    return { current: 6, currentEpoch: 21, currentRound: ROUNDS + 1, memberCount: 7, members: 127 }[name]
  if (method === 'seats' && type === 'uint256') return name === 'leaving' ? 0 : 127
  if (method === 'seatInfo' && type === 'address') return ownerOf(1)
  return undefined
}

async function measureFirst(context: BenchContext, page: Page, url: string): Promise<void> {
  const start = performance.now()
  await page.goto(url)
  await page
    .getByRole('link', { name: /^version \d+$/ })
    .first()
    .waitFor({ timeout: 60_000 })
  await page.locator('.chart canvas').waitFor({ timeout: 60_000 })
  const note = `${ROUNDS} rounds of 7 members, ${ROUNDS * ROUND_BLOCKS} blocks, nothing kept from an earlier visit`
  context.record({ metric: 'console.first.shown', value: performance.now() - start, unit: 'ms', note })
  const names = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name))
  const own = [url, ...names.filter((name) => name.startsWith(url) && !name.endsWith('cohort.json'))]
  const sizes = await Promise.all(
    own.map(async (name) => gzipSync(new Uint8Array(await (await fetch(name)).arrayBuffer())).length),
  )
  context.record({
    metric: 'console.first.bytes',
    value: sizes.reduce((sum, size) => sum + size, 0),
    unit: 'bytes',
    note: 'gzip, chart included',
  })
}

/** Frames of some seconds in which something is done again and again. */
async function measure(
  context: BenchContext,
  {
    page,
    session,
    name,
    note,
  }: { readonly page: Page; readonly session: CDPSession; readonly name: string; readonly note: string },
  act: () => Promise<void>,
): Promise<void> {
  const seconds = context.quick ? 2 : SECONDS
  await page.evaluate(startFrames)
  const before = await busySeconds(session)
  const until = performance.now() + seconds * 1_000
  while (performance.now() < until) await act()
  const busy = (await busySeconds(session)) - before
  const { frames, longest } = await page.evaluate(stopFrames)
  const sorted = frames.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
  const record = (what: string, value: number, unit: string): void => {
    context.record({ metric: `console.${name}.${what}`, value, unit, note: `${note}, a block each 100 ms` })
  }
  record('frame', at(0.5), 'ms')
  record('frame.worst', at(0.99), 'ms')
  record('dropped', (100 * frames.filter((ms) => ms > DROPPED_MS).length) / frames.length, 'percent')
  // What the page's thread works for one frame: the same on a machine that others use, too.
  record('busy', (1_000 * busy) / frames.length, 'ms')
  record('longest', longest, 'ms')
}

async function busySeconds(session: CDPSession): Promise<number> {
  const { metrics } = (await session.send('Performance.getMetrics')) as { metrics: { name: string; value: number }[] }
  return metrics.find(({ name }) => name === 'TaskDuration')!.value
}

type Watch = { frames: number[]; longest: number; stop: () => void }

/** Runs in the page. */
function startFrames(): void {
  const watch: Watch = { frames: [], longest: 0, stop: () => undefined }
  let last = performance.now()
  let goes = true
  const frame = (now: number): void => {
    watch.frames.push(now - last)
    last = now
    if (goes) requestAnimationFrame(frame)
  }
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) watch.longest = Math.max(watch.longest, duration)
  })
  observer.observe({ type: 'longtask' })
  watch.stop = () => {
    goes = false
    observer.disconnect()
  }
  ;(window as unknown as { watch: Watch }).watch = watch
  requestAnimationFrame(frame)
}

/** Runs in the page. */
function stopFrames(): { frames: number[]; longest: number } {
  const { frames, longest, stop } = (window as unknown as { watch: Watch }).watch
  stop()
  return { frames: frames.slice(2), longest }
}
