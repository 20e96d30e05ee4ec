// SPDX-License-Identifier: GPL-3.0-or-later
// `npm run demo -- --serve` and a browser before its console: a real chain, real keepers, a real wallet's messages.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { JsonRpcProvider } from 'ethers'
import type { Browser, Page } from 'playwright-core'
import { type DeploymentFile, parseDeployment } from '../../../keepers/chain/index.ts'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'
import { ACCOUNT as DEMO } from '../../../scripts/demo/deployment.ts'
import { freePort } from '../../../scripts/demo/ports.ts'
import { Processes } from '../../../scripts/demo/processes.ts'
import { startBrowser, type Visit, type Visitor, visit } from './browser.ts'

/**
 * Accounts of the demo: two members of its DAO, the second also a guardian and the one whom the Safe pays; a member that proves; somebody
 * without a role, who posts, asks and owns the Safe; one that answers questions for pay.
 */
export const ACCOUNT = {
  member: DEMO.daoMembers[0],
  other: DEMO.daoMembers[1],
  prover: DEMO.daoMembers[2],
  user: DEMO.user,
  keeper: 8,
} as const

/** The demo that the cases of a suite share; cases are declared before it is there. */
export type Stage = () => ConsoleDemo

export class ConsoleDemo implements AsyncDisposable {
  readonly url: string
  readonly provider: JsonRpcProvider
  readonly deployment: DeploymentFile
  readonly #home: string
  readonly #processes: Processes
  readonly #browser: Browser
  #visitors: Visitor[] = []

  private constructor(
    parts: { readonly home: string; readonly processes: Processes; readonly browser: Browser },
    { url, provider, deployment }: Pick<ConsoleDemo, 'url' | 'provider' | 'deployment'>,
  ) {
    this.#home = parts.home
    this.#processes = parts.processes
    this.#browser = parts.browser
    this.url = url
    this.provider = provider
    this.deployment = deployment
  }

  /** @param args of the demo, beside `--serve` and its ports @throws Error when the demo ends before it serves */
  static async start(chromium: string, args: readonly string[]): Promise<ConsoleDemo> {
    const home = await mkdtemp(join(tmpdir(), 'cohort-console-'))
    const processes = new Processes(home)
    try {
      const [port, webPort] = [await freePort(), await freePort()]
      const failed = Promise.withResolvers<never>()
      processes.start(
        'demo',
        [
          ...[join(ROOT, 'scripts/demo/main.ts'), '--serve', '--out', join(home, 'report.json')],
          ...['--port', String(port), '--web-port', String(webPort), ...args],
        ],
        { cwd: ROOT, onFailure: (message) => failed.reject(new Error(message)) },
      )
      const url = `http://127.0.0.1:${webPort}/`
      const { deployment } = await Promise.race([served(url), failed.promise])
      const provider = new JsonRpcProvider(`http://127.0.0.1:${port}`, undefined, { cacheTimeout: -1 })
      const browser = await startBrowser(chromium)
      return new ConsoleDemo({ home, processes, browser }, { url, provider, deployment: parseDeployment(deployment) })
    } catch (error) {
      await processes[Symbol.asyncDispose]()
      await rm(home, { recursive: true, force: true })
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close()
    this.provider.destroy()
    await this.#processes[Symbol.asyncDispose]()
    await rm(this.#home, { recursive: true, force: true })
  }

  /** What the demo printed. */
  async said(): Promise<string> {
    return await readFile(join(this.#home, 'demo.log'), 'utf8')
  }

  /** The demo's report, as JSON. */
  async report(): Promise<string> {
    return await readFile(join(this.#home, 'report.json'), 'utf8')
  }

  /** Folder of the circuit of the hub's first model. */
  async circuit(): Promise<string> {
    const [, folder] = /^ {2}circuit +(\S+),/m.exec(await this.said()) ?? []
    return join(ROOT, folder!)
  }

  /** The address of the chain, as Playwright's patterns take it. */
  get rpc(): string {
    return `${new URL(this.provider._getConnection().url).origin}/**`
  }

  /** Somebody opens the console, with the wallet of a member of the DAO unless told, until {@link leave}. */
  async come(options: Partial<Visit> = {}): Promise<Visitor> {
    const visitor = await this.stay(options)
    this.#visitors.push(visitor)
    return visitor
  }

  /** The same for a visitor of several cases, whom their suite sends away. */
  async stay(options: Partial<Visit> = {}): Promise<Visitor> {
    const { url, provider, deployment } = this
    const terms = { url, provider, chainId: deployment.chainId, account: ACCOUNT.member }
    return await visit(this.#browser, { ...terms, ...options })
  }

  /** Everybody leaves: a page that stays open reads every block. @returns what their pages wrote to the console as errors */
  async leave(): Promise<string[]> {
    const leaving = this.#visitors
    this.#visitors = []
    await Promise.all(leaving.map(async ({ context }) => await context.close()))
    return leaving.flatMap(({ errors }) => errors)
  }

  /** Opens a screen and waits for its heading. @param parts of its address, after `#/` */
  async open(page: Page, ...parts: readonly (string | number)[]): Promise<void> {
    await page.goto(`${this.url}#/${parts.join('/')}`)
    await page.locator(`main[data-screen=${parts[0]}] h1`).waitFor()
  }

  /** Somebody comes with a connected wallet and looks at a screen. */
  async connected(account: number, ...parts: readonly (string | number)[]): Promise<Visitor> {
    const visitor = await this.come({ account })
    await this.open(visitor.page, ...parts)
    await connect(visitor.page)
    return visitor
  }
}

/** Resolves with the page's own description once it is there. */
async function served(url: string): Promise<{ readonly deployment: unknown }> {
  for (;;) {
    const response = await fetch(new URL('cohort.json', url)).catch(() => null)
    if (response?.ok === true) return (await response.json()) as { deployment: unknown }
    await setTimeout(500)
  }
}

export async function connect(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Connect Test wallet' }).click()
  await page.getByRole('button', { name: 'Disconnect' }).waitFor()
}

/** Draws a stroke from the top to the bottom. */
export async function draw(page: Page): Promise<void> {
  const canvas = page.locator('.drawing canvas')
  await canvas.waitFor({ timeout: 60_000 })
  const box = (await canvas.boundingBox())!
  await page.mouse.move(box.x + box.width / 2, box.y + box.height * 0.2)
  await page.mouse.down()
  for (let i = 2; i <= 8; i++) await page.mouse.move(box.x + box.width / 2, box.y + (box.height * i) / 10)
  await page.mouse.up()
}

/** Waits until the page says that something was done. */
export async function done(page: Page, text: string | RegExp): Promise<void> {
  await page.locator('.said').getByText(text).waitFor({ timeout: 60_000 })
}

/** The link to a version, which is there once the service's story is. */
export async function storyTold(page: Page): Promise<void> {
  await page
    .getByRole('link', { name: /^version \d+$/ })
    .first()
    .waitFor()
}
