// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { parseEther, Wallet } from 'ethers'
import { type QueueEvent, RevertError, systemClock } from '../../../keepers/chain/index.ts'
import { FlakyEndpoint } from './proxy.ts'
import { failure, NOBODY, sharedChain, type TestChain } from './test-chain.ts'

describe('transaction queue', function () {
  this.timeout(30_000)
  let chain: TestChain
  before(async () => {
    chain = await sharedChain()
  })

  it('sends in order, and the same key only once', async () => {
    const events: QueueEvent[] = []
    const line = chain.queue(chain.store(), { onEvent: (event: QueueEvent) => events.push(event) })
    const before = await chain.received()
    const start = await chain.nonce()
    const [first, second, again] = await Promise.all([
      line.send(chain.transfer('a', 1n)),
      line.send(chain.transfer('b', 2n)),
      line.send(chain.transfer('a', 1n)),
    ])
    expect(again.hash).to.equal(first.hash)
    expect(second.hash).not.to.equal(first.hash)
    expect((await chain.received()) - before).to.equal(3n)
    expect((await chain.nonce()) - start).to.equal(2)
    expect(events.map((event) => event.kind)).to.deep.equal(['sent', 'confirmed', 'sent', 'confirmed'])
  })

  it('costs nothing when the contract refuses, and names the error and its arguments', async () => {
    const line = chain.queue(chain.store())
    const start = await chain.nonce()
    const error = await failure(line.send(chain.transfer('too much', parseEther('1000000'))))
    expect(error).to.be.instanceOf(RevertError)
    expect((error as RevertError).error).to.equal('ERC20InsufficientBalance')
    expect((error as RevertError).args.needed).to.equal(parseEther('1000000'))
    expect(error.message).to.contain('needed=1000000000000000000000000')
    expect(await chain.nonce()).to.equal(start)
    await line.send(chain.transfer('too much', 1n))
  })

  it('finishes after a restart what it signed before a crash, without a second transaction', async () => {
    const at = chain.store('crash')
    const before = await chain.received()
    const start = await chain.nonce()
    // The node takes the transaction, the keeper dies before it hears so.
    const endpoint = await FlakyEndpoint.start(chain.url)
    const dying = new AbortController()
    endpoint.onMethod = (method) => {
      if (method !== 'eth_sendRawTransaction') return true
      dying.abort(new Error('killed'))
      return false
    }
    const line = chain.queue(at, { provider: chain.connect([endpoint.url]) })
    expect(await line.send(chain.transfer('x', 7n), dying.signal).catch((error: Error) => error.message)).to.equal(
      'killed',
    )
    await endpoint.stop()
    at.close()
    const again = chain.store('crash')
    expect(again.transactions.open()).to.have.length(1)
    const revived = chain.queue(again)
    await revived.resume()
    expect(again.transactions.open()).to.have.length(0)
    await revived.send(chain.transfer('x', 7n))
    expect((await chain.received()) - before).to.equal(7n)
    expect((await chain.nonce()) - start).to.equal(1)
  })

  it('sends again what a reorganisation dropped', async () => {
    const events: string[] = []
    const at = chain.store()
    const line = chain.queue(at, { onEvent: (event: QueueEvent) => events.push(event.kind) })
    const before = await chain.received()
    const snapshot = await chain.rpc('evm_snapshot')
    await line.send(chain.transfer('r', 5n))
    await chain.rpc('evm_revert', [snapshot])
    await chain.rpc('evm_mine')
    expect((await chain.received()) - before).to.equal(0n)
    const receipt = await line.send(chain.transfer('r', 5n))
    expect(receipt.status).to.equal(1)
    expect((await chain.received()) - before).to.equal(5n)
    expect(events).to.include('reorganised')
  })

  it('sends again, first, what a reorganisation took back long after its caller was told', async () => {
    const events: QueueEvent[] = []
    const at = chain.store()
    const line = chain.queue(at, { onEvent: (event: QueueEvent) => events.push(event) })
    const before = await chain.received()
    const start = await chain.nonce()
    const snapshot = await chain.rpc('evm_snapshot')
    await line.send(chain.transfer('long ago', 1n))
    await line.send(chain.transfer('before', 2n))
    await chain.rpc('evm_revert', [snapshot])
    await chain.rpc('evm_mine')
    await line.send(chain.transfer('now', 4n))
    expect((await chain.received()) - before).to.equal(7n)
    expect((await chain.nonce()) - start).to.equal(3)
    expect(events.filter(({ kind }) => kind === 'reorganised').map(({ key }) => key)).to.deep.equal([
      'long ago',
      'before',
    ])
    expect(at.transactions.open()).to.deep.equal([])
  })

  it('offers again what the node forgot before it was mined, long before it would raise the fee', async () => {
    const events: QueueEvent[] = []
    const line = chain.queue(chain.store(), {
      fees: { replaceAfter: 25_000 },
      onEvent: (event: QueueEvent) => events.push(event),
    })
    const start = await chain.nonce()
    await chain.rpc('evm_setAutomine', [false])
    try {
      const sending = line.send(chain.transfer('forgotten', 1n))
      while (!events.some(({ kind }) => kind === 'sent')) await systemClock.sleep(20)
      const [sent] = events
      await chain.rpc('hardhat_dropTransaction', [sent!.hash])
      while (!events.some(({ kind }) => kind === 'resent')) await systemClock.sleep(20)
      await chain.rpc('evm_mine', [])
      expect((await sending).hash).to.equal(sent!.hash)
      expect(events.map(({ kind }) => kind)).to.deep.equal(['sent', 'resent', 'confirmed'])
      expect((await chain.nonce()) - start).to.equal(1)
    } finally {
      await chain.rpc('evm_setAutomine', [true])
    }
  })

  describe('with senders who need not wait for the depth', () => {
    const early = (name: string, value?: bigint) => ({ ...chain.transfer(name, value), told: 'included' as const })

    it('goes on once a transaction is in a block', async () => {
      const line = chain.queue(chain.store(), { confirmations: 3 })
      const start = await chain.nonce()
      await line.send(early('first'))
      await line.send(early('second'))
      expect((await chain.nonce()) - start).to.equal(2)
      await line.close()
    })

    it('sends again by itself what a reorganisation takes back before it is deep, and ends when it is', async () => {
      const events: QueueEvent[] = []
      const line = chain.queue(chain.store(), { confirmations: 3, onEvent: (event: QueueEvent) => events.push(event) })
      const before = await chain.received()
      const snapshot = await chain.rpc('evm_snapshot')
      await line.send(early('shallow', 8n))
      await chain.rpc('evm_revert', [snapshot])
      await chain.rpc('evm_mine')
      expect((await chain.received()) - before).to.equal(0n)
      while (events.length < 5) await systemClock.sleep(20)
      expect((await chain.received()) - before).to.equal(8n)
      expect(events.map(({ kind }) => kind)).to.deep.equal(['sent', 'confirmed', 'reorganised', 'sent', 'confirmed'])
      await chain.rpc('hardhat_mine', ['0x3'])
      await systemClock.sleep(300)
      // Deep: nobody looks any more, and what happens now is the next sender's to find.
      const deep = await chain.rpc('evm_snapshot')
      await chain.rpc('evm_revert', [deep])
      await systemClock.sleep(300)
      expect(events).to.have.length(5)
      await line.close()
    })

    it('looks no more after it was closed', async () => {
      const line = chain.queue(chain.store(), { confirmations: 3 })
      const before = await chain.received()
      const snapshot = await chain.rpc('evm_snapshot')
      await line.send(early('closed', 16n))
      await line.close()
      await chain.rpc('evm_revert', [snapshot])
      await chain.rpc('evm_mine')
      await systemClock.sleep(300)
      expect((await chain.received()) - before).to.equal(0n)
    })
  })

  it('waits for the depth it was told', async () => {
    const line = chain.queue(chain.store(), { confirmations: 3 })
    let done = false
    const sending = line.send(chain.transfer('deep')).then(() => {
      done = true
    })
    await systemClock.sleep(300)
    expect(done).to.equal(false)
    await chain.rpc('hardhat_mine', ['0x2'])
    await sending
  })

  it('asks for a receipt when there is a block, and seldom otherwise, however long the depth takes', async () => {
    const endpoint = await FlakyEndpoint.start(chain.url)
    const asked = new Map<string, number>()
    endpoint.onMethod = (method) => {
      asked.set(method, (asked.get(method) ?? 0) + 1)
      return true
    }
    const provider = chain.connect([endpoint.url])
    const fees = { replaceAfter: 200 }
    const line = chain.queue(chain.store(), { provider, confirmations: 3, pollInterval: 20, fees })
    const sent = line.send(chain.transfer('patient', 1n))
    await new Promise((done) => setTimeout(done, 2_000))
    // Mined at once, and on the branch of a head that has not changed: one look, where a poll each would be a hundred.
    expect(asked.get('eth_getTransactionReceipt')).to.equal(1)
    expect(asked.get('eth_sendRawTransaction')).to.equal(1)
    await chain.rpc('evm_mine')
    await chain.rpc('evm_mine')
    await sent
    await endpoint.stop()
  })

  it('asks four questions for a transaction, and none about one that heads show to be deep', async () => {
    const endpoint = await FlakyEndpoint.start(chain.url)
    const asked = new Map<string, number>()
    endpoint.onMethod = (method) => {
      asked.set(method, (asked.get(method) ?? 0) + 1)
      return true
    }
    const provider = chain.connect([endpoint.url])
    const line = chain.queue(chain.store(), { provider, confirmations: 3, pollInterval: 20 })
    const early = (key: string) => line.send({ ...chain.transfer(key), told: 'included' })
    await early('purse and tip')
    asked.clear()
    const keys = ['one', 'two', 'three', 'four']
    for (const key of keys) await early(key)
    await chain.rpc('evm_mine')
    await systemClock.sleep(200)
    await chain.rpc('evm_mine')
    await systemClock.sleep(200)
    asked.delete('eth_getBlockByNumber')
    expect(Object.fromEntries(asked)).to.deep.equal({
      eth_getTransactionCount: keys.length,
      eth_estimateGas: keys.length,
      eth_sendRawTransaction: keys.length,
      eth_getTransactionReceipt: keys.length,
    })
    await line.close()
    await endpoint.stop()
  })

  it('asks for the balance again when what it has signed could have spent it', async () => {
    const endpoint = await FlakyEndpoint.start(chain.url)
    const asked = new Map<string, number>()
    endpoint.onMethod = (method) => {
      asked.set(method, (asked.get(method) ?? 0) + 1)
      return true
    }
    const poor = Wallet.createRandom()
    await (await chain.wallet(1).sendTransaction({ to: poor.address, value: parseEther('1') })).wait()
    const provider = chain.connect([endpoint.url])
    const wallet = new Wallet(poor.privateKey, provider)
    const line = chain.queue(chain.store(), { provider, wallet })
    const pay = (key: string, ether: string) =>
      line.send({ key, to: NOBODY, data: '0x', value: parseEther(ether) }).then(
        () => 'paid',
        ({ code }: { code?: string }) => code,
      )
    expect(await pay('first', '0.3')).to.equal('paid')
    expect(await pay('second', '0.3')).to.equal('paid')
    expect(asked.get('eth_getBalance')).to.equal(1)
    expect(await pay('too much', '0.39999999')).to.equal('UNFUNDED')
    expect(asked.get('eth_getBalance')).to.be.above(1)
    expect(await pay('third', '0.3')).to.equal('paid')
    await endpoint.stop()
  })

  it('raises the fee of a transaction that lingers, under the same nonce', async () => {
    await chain.rpc('evm_setAutomine', [false])
    try {
      const events: QueueEvent[] = []
      const at = chain.store()
      const line = chain.queue(at, { fees: { replaceAfter: 60 }, onEvent: (event: QueueEvent) => events.push(event) })
      const start = await chain.nonce()
      const before = await chain.received()
      const sending = line.send(chain.transfer('slow', 3n))
      while (!events.some((event) => event.kind === 'replaced')) await systemClock.sleep(20)
      await chain.rpc('evm_mine')
      const receipt = await sending
      expect(receipt.status).to.equal(1)
      expect((await chain.nonce()) - start).to.equal(1)
      expect((await chain.received()) - before).to.equal(3n)
      const { attempts } = at.transactions.find('slow')!
      expect(attempts.length).to.be.greaterThan(1)
      expect(BigInt(attempts[1]!.maxFeePerGas) * 1000n).to.be.at.least(BigInt(attempts[0]!.maxFeePerGas) * 1125n)
    } finally {
      await chain.rpc('evm_setAutomine', [true])
    }
  })

  it('reports a transaction that failed only on-chain, and lets the act be tried anew', async () => {
    await chain.rpc('evm_setAutomine', [false])
    const at = chain.store()
    try {
      const owner = chain.wallet(1)
      const all = BigInt(
        await chain.provider.call({
          to: chain.token,
          data: chain.tokens.encodeFunctionData('balanceOf', [owner.address]),
        }),
      )
      const line = chain.queue(at)
      // Both pass the simulation on the same state; the first to be mined takes it all.
      const snapshot = await chain.rpc('evm_snapshot')
      await owner.sendTransaction({ to: chain.token, data: chain.tokens.encodeFunctionData('transfer', [NOBODY, all]) })
      at.transactions.insert({
        key: 'loses',
        nonce: (await chain.nonce()) + 1,
        request: { to: chain.token, data: chain.transfer('', all).data, value: '0', gasLimit: '100000' },
        attempts: [await chain.signedCall(owner, chain.transfer('', all).data, (await chain.nonce()) + 1)],
      })
      const losing = failure(line.send(chain.transfer('loses', all)))
      const pending = (await chain.nonce()) + 2
      while ((await chain.provider.getTransactionCount(owner.address, 'pending')) < pending) await systemClock.sleep(20)
      await chain.rpc('evm_mine')
      const error = await losing
      expect((error as RevertError).error).to.equal('ERC20InsufficientBalance')
      expect(at.transactions.find('loses')).to.equal(null)
      await chain.rpc('evm_revert', [snapshot])
    } finally {
      await chain.rpc('evm_setAutomine', [true])
    }
  })

  it('refuses fees over the cap and an empty purse, each by name', async () => {
    const capped = await failure(chain.queue(chain.store(), { fees: { maxFeePerGas: 1n } }).send(chain.transfer('c')))
    expect(capped.code).to.equal('FEE_CAP')
    const poor = Wallet.createRandom()
    const data = chain.tokens.encodeFunctionData('approve', [NOBODY, 1n])
    const error = await failure(chain.queue(chain.store(), { wallet: poor }).send({ key: 'p', to: chain.token, data }))
    expect(error.code).to.equal('UNFUNDED')
    expect(error.message).to.contain(poor.address)
  })
})
