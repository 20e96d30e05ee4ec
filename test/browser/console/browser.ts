// SPDX-License-Identifier: GPL-3.0-or-later
// A visitor of the console: Debian's Chromium, driven by Playwright, with a wallet that signs as EIP-1193 says and announces itself as
// EIP-6963 says. The wallet's key is here, outside the page, as a wallet's is.
import axe from 'axe-core'
import { type JsonRpcProvider, Wallet } from 'ethers'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { accountKey } from '../../../scripts/demo/accounts.ts'

/** What a test may make the wallet do. */
export type WalletControls = {
  /** Declines the next request for a signature. */
  declining: boolean
  /** Chain id that it says it is on. */
  chainId: number
  /** Transactions that it was asked to send. */
  readonly sent: Record<string, string>[]
}

/** A request that left the page. */
export type Sent = { readonly url: string; readonly body: string }

export type Visitor = {
  readonly context: BrowserContext
  readonly page: Page
  readonly wallet: WalletControls
  /** Every request since the visitor came. */
  readonly requests: Sent[]
  /** What the page wrote to the console as an error, and exceptions that nobody caught. */
  readonly errors: string[]
}

export async function startBrowser(executablePath: string): Promise<Browser> {
  // A container has no user namespaces for the sandbox; the page is our own.
  return await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}

export const DESK = { width: 1200, height: 900 } as const

export type Visit = {
  readonly url: string
  readonly provider: JsonRpcProvider
  readonly chainId: number
  readonly account: number
  /** Whether the tour is to be shown, as to somebody who was never here. */
  readonly firstVisit?: boolean
}

/** Opens the console as somebody with the wallet of a test account. */
export async function visit(browser: Browser, options: Visit): Promise<Visitor> {
  const context = await browser.newContext({ viewport: DESK, colorScheme: 'light', reducedMotion: 'reduce' })
  const controls: WalletControls = { declining: false, chainId: options.chainId, sent: [] }
  const signer = new Wallet(accountKey(options.account), options.provider)
  await context.exposeBinding('walletRequest', async (_source, method: string, params: unknown[]) => {
    return await answer(signer, controls, method, params)
  })
  await context.addInitScript(announceWallet)
  if (options.firstVisit !== true) {
    await context.addInitScript(() => {
      // A frame without an origin of its own has no storage.
      if (origin !== 'null') localStorage.setItem('cohort/tour', 'seen')
    })
  }
  const page = await context.newPage()
  const requests: Sent[] = []
  const errors: string[] = []
  context.on('request', (request) => requests.push({ url: request.url(), body: request.postData() ?? '' }))
  page.on('console', (message) => {
    // What the network did is the network's affair, and a test that cuts it, or has a wrong token, looks at the page.
    if (message.type() === 'error' && !/net::ERR_|status of 401/.test(message.text())) errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(String(error.stack)))
  await page.goto(options.url)
  return { context, page, wallet: controls, requests, errors }
}

async function answer(signer: Wallet, controls: WalletControls, method: string, params: unknown[]): Promise<unknown> {
  const provider = signer.provider as JsonRpcProvider
  if (method === 'eth_requestAccounts' || method === 'eth_accounts') return { result: [signer.address] }
  if (method === 'eth_chainId') return { result: `0x${controls.chainId.toString(16)}` }
  if (method === 'wallet_switchEthereumChain') {
    controls.chainId = Number((params[0] as { chainId: string }).chainId)
    return { result: null }
  }
  if (method === 'eth_sendTransaction') {
    if (controls.declining) {
      controls.declining = false
      return { error: { code: 4001, message: 'User rejected the request.' } }
    }
    const { to, data, value = '0x0' } = params[0] as Record<string, string>
    controls.sent.push(params[0] as Record<string, string>)
    const { hash } = await signer.sendTransaction({ to: to!, data: data ?? '0x', value })
    return { result: hash }
  }
  try {
    return { result: await provider.send(method, params) }
  } catch (error) {
    return { error: { code: -32603, message: (error as Error).message } }
  }
}

/** Runs in the page before anything else. */
function announceWallet(): void {
  type Answer = { result?: unknown; error?: { code: number; message: string } }
  const { walletRequest } = window as unknown as { walletRequest(method: string, params: unknown): Promise<Answer> }
  const provider = {
    async request({ method, params = [] }: { method: string; params?: unknown }) {
      const { result, error } = await walletRequest(method, params)
      if (error !== undefined) throw Object.assign(new Error(error.message), { code: error.code })
      return result
    },
    on() {},
    removeListener() {},
  }
  const info = { uuid: '7e1bfa4e-5b1a-4f7b-9d0b-1c2c9e5f0a11', name: 'Test wallet', rdns: 'test', icon: 'data:,' }
  const announce = (): void => {
    window.dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: Object.freeze({ info, provider }) }))
  }
  window.addEventListener('eip6963:requestProvider', announce)
  announce()
}

/**
 * Faults that axe finds in the page as it stands, one line each.
 * @param rules those about colours alone serve for a page that was read before and changed nothing else
 */
export async function accessibilityFaults(page: Page, rules: 'all' | 'colours' = 'all'): Promise<string[]> {
  // As an expression of the debugger, not a script of the page: its policy allows none but its own.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source)
  return await page.evaluate(async (which) => {
    type Result = { violations: { id: string; help: string; nodes: { target: string[] }[] }[] }
    const { axe } = window as unknown as { axe: { run(options: object): Promise<Result> } }
    const { violations } = await axe.run(which === 'colours' ? { runOnly: ['cat.color'] } : {})
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target).join(' · ')}`)
  }, rules)
}

/** Pixels by which the page is wider than its window. */
export async function overflow(page: Page): Promise<number> {
  return await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
}

/** Runs in the page: how many controls of the screen the keyboard should reach. */
export function countControls(): number {
  const controls = 'a[href], button:not(:disabled), input:not(:disabled), textarea, select, summary, [tabindex="0"]'
  return [...document.querySelectorAll<HTMLElement>(`main :is(${controls})`)].filter((one) => one.checkVisibility())
    .length
}

/** Runs in the page: which control of the screen has the focus, and null beyond the last one. */
export function describeFocus(): string | null {
  const main = document.querySelector('main')!
  const at = document.activeElement
  if (at === null || !main.contains(at)) return null
  return String([...main.querySelectorAll('*')].indexOf(at))
}
