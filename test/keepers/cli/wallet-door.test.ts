// SPDX-License-Identifier: GPL-3.0-or-later
// The page through which a command asks a browser's wallet: who gets in, and what may come of it.
import { request } from 'node:http'
import { createContext, runInContext } from 'node:vm'
import { expect } from 'chai'
import { type TransactionResponse, Wallet } from 'ethers'
import { BrowserAccount } from '../../../keepers/cli/browser/browser-account.ts'
import { WalletDoor, type WalletRequest } from '../../../keepers/cli/browser/door.ts'
import { NOBODY, sharedChain, type TestChain } from '../chain/test-chain.ts'

type Provider = { request(ask: { method: string; params?: any[] }): Promise<unknown> }
type Answer = { readonly status: number; readonly headers: Record<string, unknown>; readonly text: string }

/** A request with whatever headers, as an attacker's client may send them. */
const send = (
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string },
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { body, ...rest } = options
    const asked = request(url, rest, async (response) => {
      const parts: Buffer[] = []
      for await (const part of response) parts.push(part as Buffer)
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(parts).toString() })
    })
    asked.once('error', reject)
    asked.end(body)
  })

/** Opens the page as a browser would, with an injected wallet: the page's own script, its own fetch. */
async function browse(url: string, ethereum: Provider | undefined): Promise<{ status: () => string }> {
  const { origin, hash, pathname } = new URL(url)
  const page = await (await fetch(origin)).text()
  const script = /<script nonce="[^"]+">([\s\S]*)<\/script>/.exec(page)![1]!
  const elements: Record<string, { textContent: string; replaceChildren(): void }> = {}
  const element = () => ({ textContent: '', replaceChildren: () => undefined })
  const document = {
    getElementById: (id: string) => (elements[id] ??= element()),
    createElement: element,
  }
  const location = { hash, pathname }
  const history = { replaceState: () => undefined }
  const own = (path: string, init: RequestInit) =>
    fetch(new URL(path, origin), { ...init, headers: { ...init.headers, origin } })
  runInContext(
    script,
    createContext({
      document,
      location,
      history,
      window: { ethereum },
      fetch: own,
      BigInt,
      Error,
      Object,
      String,
      JSON,
    }),
  )
  return { status: () => elements.status?.textContent ?? '' }
}

describe('a wallet’s door', function () {
  this.timeout(60_000)
  let chain: TestChain
  before(async () => {
    chain = await sharedChain()
  })

  /** A wallet that holds account 1 of the chain and sends by the chain's own endpoint. */
  const walletOf = (changes: (transaction: any) => object = () => ({}), chainId = '0x7a69') => {
    const asked: string[] = []
    const on = { chain: chainId, obeys: true }
    const provider: Provider = {
      request: async ({ method, params = [] }) => {
        asked.push(method)
        if (method === 'eth_requestAccounts') return [chain.wallet(1).address]
        if (method === 'eth_chainId') return on.chain
        if (method === 'wallet_switchEthereumChain') {
          if (on.obeys) on.chain = params[0].chainId
          return null
        }
        const { gas: gasLimit, from: _, ...rest } = params[0]
        const sent = await chain.wallet(1).sendTransaction({ ...rest, gasLimit, ...changes(params[0]) })
        return sent.hash
      },
    }
    return { asked, provider, on }
  }

  it('has an injected wallet send a command’s transactions, one by one, and ends with the command', async () => {
    const door = await WalletDoor.open()
    const { asked, provider } = walletOf(undefined, '0x1')
    const page = await browse(door.url, provider)
    const account = await BrowserAccount.connect(door, chain.provider, { pause: 20 })
    expect(account.address).to.equal(chain.wallet(1).address)
    const before = await chain.received()
    for (const amount of [4n, 5n]) {
      const sent: TransactionResponse = await account.sendTransaction({
        to: chain.token,
        data: chain.transferData(amount),
      })
      expect((await sent.wait())?.status).to.equal(1)
    }
    expect((await chain.received()) - before).to.equal(9n)
    expect(asked.filter((method) => method !== 'eth_chainId')).to.deep.equal([
      'eth_requestAccounts',
      'wallet_switchEthereumChain',
      'eth_sendTransaction',
      'eth_sendTransaction',
    ])
    door[Symbol.dispose]()
    for (let look = 0; look < 50 && !/has ended/.test(page.status()); look++)
      await new Promise((done) => setTimeout(done, 20))
    expect(page.status()).to.match(/has ended/)
  })

  it('asks for no transaction on another chain than the command’s, though its wallet was on that one at first', async () => {
    using door = await WalletDoor.open()
    const { asked, provider, on } = walletOf()
    await browse(door.url, provider)
    const account = await BrowserAccount.connect(door, chain.provider, { pause: 20 })
    const pay = () => account.sendTransaction({ to: chain.token, data: chain.transferData(2n) })
    Object.assign(on, { chain: '0x1', obeys: false })
    const before = await chain.received()
    const error = await pay().catch((cause: Error) => cause)
    expect(String(error)).to.match(/the wallet refuses: the wallet is on another chain than 31337/)
    expect([asked.includes('eth_sendTransaction'), await chain.received()]).to.deep.equal([false, before])
    on.obeys = true
    await (await pay()).wait()
    expect((await chain.received()) - before).to.equal(2n)
  })

  it('gives no other account than the one that the command names, whoever has opened the page', async () => {
    using door = await WalletDoor.open()
    await browse(door.url, walletOf().provider)
    const connect = (wanted: string) => BrowserAccount.connect(door, chain.provider, { wanted })
    const own = chain.wallet(1).address
    expect((await connect(own.toLowerCase())).address).to.equal(own)
    const error = await connect(NOBODY).catch((cause: Error) => cause)
    expect(String(error)).to.contain(`gave the account ${own}, not ${NOBODY} of --signer-address`)
  })

  it('takes no other transaction for the one asked for, no refusal for an answer, and asks for none that would revert', async () => {
    using door = await WalletDoor.open()
    let changes: object | Error = { to: NOBODY, data: '0x' }
    const { asked, provider } = walletOf(() => {
      if (changes instanceof Error) throw changes
      return changes
    })
    await browse(door.url, provider)
    const account = await BrowserAccount.connect(door, chain.provider, { pause: 20 })
    const fails = (amount: bigint) =>
      account.sendTransaction({ to: chain.token, data: chain.transferData(amount) }).then(
        () => 'sent',
        (error: Error) => error.message,
      )
    expect(await fails(1n)).to.match(/^the wallet sent another transaction, 0x[0-9a-f]{64}/)
    changes = { value: 1n, to: NOBODY }
    expect(await fails(1n)).to.match(/another transaction/)
    changes = new Error('User rejected the request')
    expect(await fails(1n)).to.equal('the wallet refuses: User rejected the request')
    const before = asked.length
    expect(await fails(10n ** 30n)).to.match(/revert/i)
    expect(asked.length).to.equal(before)
    changes = {}
    expect(await fails(1n)).to.equal('sent')
  })

  it('says so where the browser has no wallet', async () => {
    using door = await WalletDoor.open()
    await browse(door.url, undefined)
    const error = await BrowserAccount.connect(door, chain.provider).catch((cause: Error) => cause.message)
    expect(error).to.match(/no wallet that a page can ask/)
  })

  it('opens once, to the page that has the token, on loopback under its own name only', async () => {
    using door = await WalletDoor.open()
    const { origin, host, hash } = new URL(door.url)
    const token = hash.slice(1)
    expect([host.split(':')[0], token.length]).to.deep.equal(['127.0.0.1', 64])
    const post = (path: string, headers: Record<string, string>, body = '{}') =>
      send(`${origin}${path}`, {
        method: 'POST',
        body,
        headers: { host, origin, authorization: `Bearer ${token}`, ...headers },
      })
    // A page of another origin, and one of a name that was made to point here (DNS rebinding), with the token even.
    expect((await post('/claim', { origin: 'https://evil.example' })).status).to.equal(403)
    expect((await post('/claim', { origin: 'null' })).status).to.equal(403)
    expect((await post('/claim', { host: 'evil.example', origin: 'http://evil.example' })).status).to.equal(421)
    expect((await send(origin, { headers: { host: `localhost:${host.split(':')[1]}` } })).status).to.equal(421)
    // Without it, with another one, and before it was claimed.
    expect((await post('/claim', { authorization: '' })).status).to.equal(403)
    expect((await post('/claim', { authorization: `Bearer ${'0'.repeat(64)}` })).status).to.equal(403)
    expect((await post('/next', {})).status).to.equal(403)
    const first = await post('/claim', {})
    expect(first.status).to.equal(200)
    const { session } = JSON.parse(first.text)
    // Whoever reads the address later, in a history or a terminal, comes too late.
    expect((await post('/claim', {})).status).to.equal(403)
    expect((await post('/next', {})).status).to.equal(403)
    expect(door.url.endsWith('#')).to.equal(true)
    const asking = door.ask({ kind: 'connect', chainId: '0x1' } satisfies WalletRequest)
    const next = await post('/next', { authorization: `Bearer ${session}` })
    expect(JSON.parse(next.text)).to.deep.equal({ id: 0, kind: 'connect', chainId: '0x1' })
    const answer = (body: string) => post('/answer', { authorization: `Bearer ${session}` }, body)
    expect((await answer(JSON.stringify({ id: 7, result: 'of another question' }))).status).to.equal(200)
    expect((await answer('{"id":0,"result":5}')).status).to.equal(400)
    expect((await answer(`{"id":0,"result":"${'x'.repeat(20_000)}"}`)).status).to.equal(400)
    expect((await answer(JSON.stringify({ id: 0, result: Wallet.createRandom().address }))).status).to.equal(200)
    expect(await asking).to.match(/^0x/)
  })

  it('is a page that nothing else runs in, that nobody frames, and that nobody keeps', async () => {
    using door = await WalletDoor.open()
    const [one, two] = [await send(door.url, {}), await send(door.url, {})]
    const policy = String(one.headers['content-security-policy'])
    expect(policy).to.match(/^default-src 'none'; script-src 'nonce-([^']+)'/)
    for (const part of ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "connect-src 'self'"]) {
      expect(policy).to.contain(part)
    }
    expect(policy).not.to.match(/unsafe|\*/)
    expect(two.headers['content-security-policy']).not.to.equal(policy)
    expect(one.headers).to.include({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
    expect(one.text).not.to.contain(new URL(door.url).hash.slice(1))
  })
})
