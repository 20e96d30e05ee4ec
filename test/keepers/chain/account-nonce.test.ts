// SPDX-License-Identifier: GPL-3.0-or-later
// Which endpoints the transaction queue believes about its account's nonce and its transactions.
import { expect } from 'chai'
import { Transaction, toQuantity } from 'ethers'
import { FOREIGN_LOOKS } from '../../../keepers/chain/account-nonce.ts'
import { systemClock } from '../../../keepers/chain/index.ts'
import { FlakyEndpoint } from './proxy.ts'
import { failure, NOBODY, sharedChain, type TestChain } from './test-chain.ts'

describe('account nonce', function () {
  this.timeout(30_000)
  let chain: TestChain
  before(async () => {
    chain = await sharedChain()
  })

  it('notices that another process sends with the same key', async () => {
    const at = chain.store()
    await chain.queue(at).send(chain.transfer('mine'))
    const other = chain.wallet(1)
    await (await other.sendTransaction({ to: NOBODY, value: 1n })).wait()
    expect((await failure(chain.queue(at).resume())).code).to.equal('FOREIGN_TRANSACTION')
    const stolen = at.transactions.nextNonce()
    at.transactions.insert({
      key: 'late',
      nonce: stolen,
      request: { to: chain.token, data: chain.transfer('').data, value: '0', gasLimit: '100000' },
      attempts: [await chain.signedCall(other, chain.transfer('').data, stolen)],
    })
    const line = chain.queue(at, { lonePatience: 500 })
    expect((await failure(line.send(chain.transfer('late')))).code).to.equal('FOREIGN_TRANSACTION')
  })

  it('does not end because the only provider serves no receipts for a while', async () => {
    const only = await FlakyEndpoint.start(chain.url)
    try {
      let hiding = true
      only.intercept = (method) => (hiding && method === 'eth_getTransactionReceipt' ? { result: null } : null)
      const provider = chain.connect([only.url])
      const sending = chain.queue(chain.store(), { provider, witnesses: provider }).send(chain.transfer('unseen'))
      const early = await Promise.race([
        sending.then(() => 'sent', String),
        systemClock.sleep(2_000).then(() => 'waiting'),
      ])
      expect(early).to.equal('waiting')
      hiding = false
      expect((await sending).status).to.equal(1)
      // Nor when the transaction itself is hidden, as long as the patience lasts.
      hiding = true
      const hidden = new Set(['eth_getTransactionReceipt', 'eth_getTransactionByHash'])
      only.intercept = (method) => (hiding && hidden.has(method) ? { result: null } : null)
      const impatient = chain.queue(chain.store(), { provider, witnesses: provider, lonePatience: 0 })
      expect((await failure(impatient.send(chain.transfer('hidden')))).code).to.equal('FOREIGN_TRANSACTION')
    } finally {
      await only.stop()
    }
  })

  it('does not end because the only provider counted too high for a moment: the transaction is sent once it counts right', async () => {
    const at = chain.store()
    await chain.queue(at).send(chain.transfer('first'))
    const only = await FlakyEndpoint.start(chain.url)
    try {
      const nonce = at.transactions.nextNonce()
      // Signed, and never sent: a crash came between.
      at.transactions.insert({
        key: 'unsent',
        nonce,
        request: { to: chain.token, data: chain.transfer('').data, value: '0', gasLimit: '100000' },
        attempts: [await chain.signedCall(chain.wallet(1), chain.transfer('').data, nonce)],
      })
      // As many looks as it takes before anybody asks about a stranger, and some of the asking.
      let lies = FOREIGN_LOOKS + 3
      only.intercept = (method) =>
        method === 'eth_getTransactionCount' && lies-- > 0 ? { result: toQuantity(nonce + 1) } : null
      const provider = chain.connect([only.url])
      const line = chain.queue(at, { provider, witnesses: provider, lonePatience: 400 })
      await line.resume()
      expect(await chain.nonce()).to.equal(nonce + 1)
    } finally {
      await only.stop()
    }
  })

  describe('with two endpoints, one of them a liar', () => {
    let liar: FlakyEndpoint
    beforeEach(async () => {
      liar = await FlakyEndpoint.start(chain.url)
    })
    afterEach(() => liar.stop())

    const between = (): { provider: ReturnType<TestChain['connect']>; witnesses: ReturnType<TestChain['connect']> } => {
      const provider = chain.connect([liar.url, chain.url])
      return { provider, witnesses: provider }
    }

    it('does not believe that another process has sent more than it knows of, nor leaves a gap for it', async () => {
      const at = chain.store()
      await chain.queue(at).send(chain.transfer('before'))
      liar.intercept = (method) => (method === 'eth_getTransactionCount' ? { result: '0x3e7' } : null)
      const line = chain.queue(at, between())
      await line.resume()
      const start = await chain.nonce()
      await line.send(chain.transfer('between'))
      expect(await chain.nonce()).to.equal(start + 1)
      // The attack, when the liar is the only one there is.
      const alone = chain.connect([liar.url])
      const lost = chain.queue(at, { provider: alone, witnesses: alone })
      expect((await failure(lost.resume())).code).to.equal('FOREIGN_TRANSACTION')
    })

    it('does not believe it while the other endpoint is out of reach, nor leaves a gap then', async () => {
      const at = chain.store()
      await chain.queue(at).send(chain.transfer('known'))
      liar.intercept = (method) => (method === 'eth_getTransactionCount' ? { result: '0x3e7' } : null)
      const down = await FlakyEndpoint.start(chain.url)
      try {
        const provider = chain.connect([liar.url, down.url])
        const line = chain.queue(at, { provider, witnesses: provider })
        down.mode = 'html'
        await line.resume()
        const start = await chain.nonce()
        await line.send(chain.transfer('alone'))
        expect(await chain.nonce()).to.equal(start + 1)
      } finally {
        await down.stop()
      }
    })

    it('does not believe that its nonce was used by somebody else, when the other one has its transaction', async () => {
      let hiding = true
      liar.intercept = (method) => (hiding && method === 'eth_getTransactionReceipt' ? { result: null } : null)
      const at = chain.store()
      const sending = chain.queue(at, between()).send(chain.transfer('hidden'))
      // Long enough for the looks after which it would have given up.
      const early = await Promise.race([
        sending.then(() => 'sent', String),
        systemClock.sleep(2_000).then(() => 'waiting'),
      ])
      expect(early).to.equal('waiting')
      hiding = false
      expect((await sending).status).to.equal(1)
    })

    it('does not take what one calls too expensive for unsent: that one may send it later', async () => {
      const at = chain.store()
      let kept: string | null = null
      liar.intercept = (method) => {
        if (method !== 'eth_sendRawTransaction') return null
        if (kept === null) {
          kept = at.transactions.open()[0]!.attempts[0]!.raw
          return { error: { code: -32000, message: 'insufficient funds for gas * price + value' } }
        }
        // In place of the next one of that nonce, if there is one.
        void chain.rpc('eth_sendRawTransaction', [kept]).catch(() => undefined)
        liar.intercept = () => null
        return { result: Transaction.from(kept).hash }
      }
      const before = await chain.received()
      const start = await chain.nonce()
      const line = chain.queue(at, between())
      expect((await failure(line.send(chain.transfer('kept back', 1n)))).code).to.equal('UNFUNDED')
      expect((await line.send(chain.transfer('next', 2n))).status).to.equal(1)
      expect((await chain.received()) - before).to.equal(3n)
      expect((await chain.nonce()) - start).to.equal(2)
    })

    it('still ends when both say so', async () => {
      const at = chain.store()
      await chain.queue(at).send(chain.transfer('mine too'))
      await (await chain.wallet(1).sendTransaction({ to: NOBODY, value: 1n })).wait()
      expect((await failure(chain.queue(at, between()).resume())).code).to.equal('FOREIGN_TRANSACTION')
    })
  })

  it('is not silenced by one of three that keeps its transactions to itself, and hides what became of them', async () => {
    const liar = await FlakyEndpoint.start(chain.url)
    const third = await FlakyEndpoint.start(chain.url)
    try {
      const at = chain.store()
      const hidden = new Set(['eth_getTransactionReceipt', 'eth_getTransactionByHash'])
      liar.intercept = (method) => {
        if (hidden.has(method)) return { result: null }
        if (method !== 'eth_sendRawTransaction') return null
        return { result: at.transactions.open()[0]!.attempts.at(-1)!.hash }
      }
      const provider = chain.connect([liar.url, chain.url, third.url])
      const line = chain.queue(at, { provider, witnesses: provider, fees: { replaceAfter: 300 } })
      expect((await line.send(chain.transfer('kept back'))).status).to.equal(1)
      expect(provider.endpoint).not.to.equal(liar.url)
    } finally {
      await liar.stop()
      await third.stop()
    }
  })
})
