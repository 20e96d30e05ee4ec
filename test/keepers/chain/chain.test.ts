// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { ContractFactory, HDNodeWallet, parseEther, Wallet } from 'ethers'
import type { Clock } from '../../../keepers/chain/clock.ts'
import {
  backoff,
  ChainError,
  contractArtifact,
  contractInterface,
  decodeRevert,
  EventCursor,
  FailoverProvider,
  type QueueEvent,
  RevertError,
  systemClock,
  TransactionQueue,
} from '../../../keepers/chain/index.ts'
import { KeeperStore } from '../../../keepers/store/index.ts'
import { startLocalChain } from '../../../scripts/demo/local-chain.ts'
import { Processes } from '../../../scripts/demo/processes.ts'
import { FlakyEndpoint } from './proxy.ts'

async function failure(body: Promise<unknown>): Promise<ChainError> {
  try {
    await body
  } catch (error) {
    if (error instanceof ChainError) return error
    throw error
  }
  throw new Error('expected a ChainError')
}

describe('chain', function () {
  this.timeout(30_000)
  let processes: Processes
  let url: string
  /** Hardhat's funded test accounts. */
  const phrase = 'test test test test test test test test test test test junk'
  const chain = {
    key: (index: number) => HDNodeWallet.fromPhrase(phrase, '', `m/44'/60'/0'/0/${index}`).privateKey,
    rpc: (method: string, params: unknown[] = []) => provider.send(method, params),
  }
  let provider: FailoverProvider
  let token: string
  let folder: string
  const tokens = contractInterface('CohortToken')
  const closing: { close(): void }[] = []
  const providers: FailoverProvider[] = []
  let stores = 0

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-chain-'))
    processes = new Processes(folder)
    const started = await startLocalChain(processes)
    url = started.url
    started.provider.destroy()
    provider = connect([url])
    await chain.rpc('evm_setIntervalMining', [0])
    const deployer = new Wallet(chain.key(0), provider)
    const { abi, bytecode } = contractArtifact('CohortToken')
    const factory = new ContractFactory(abi as string[], bytecode, deployer)
    const contract = await factory.deploy(deployer.address, [new Wallet(chain.key(1)).address], [parseEther('100')])
    token = await (await contract.waitForDeployment()).getAddress()
  })

  after(async () => {
    for (const item of closing) item.close()
    for (const item of providers) item.destroy()
    await processes?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  function connect(urls: string[], extra: Partial<ConstructorParameters<typeof FailoverProvider>[0]> = {}) {
    const made = new FailoverProvider({ urls, chainId: 31337n, timeout: 1_000, patience: 3_000, ...extra })
    providers.push(made)
    return made
  }

  function store(name = `s${stores++}`) {
    const binding = { chainId: 31337n, service: '0x1', operator: '0x2' }
    const opened = KeeperStore.open({ folder: join(folder, name), passphrase: 'p', binding, log2N: 10 })
    closing.push(opened)
    return opened
  }

  function queue(at: KeeperStore, extra: Record<string, unknown> = {}) {
    return new TransactionQueue({
      provider,
      wallet: new Wallet(chain.key(1)),
      log: at.transactions,
      chainId: 31337n,
      interfaces: [tokens],
      pollInterval: 20,
      ...extra,
    })
  }

  const nobody = '0x000000000000000000000000000000000000dEaD'
  const transfer = (key: string, amount = 1n) => ({
    key,
    to: token,
    data: tokens.encodeFunctionData('transfer', [nobody, amount]),
  })
  const received = async () =>
    BigInt(await provider.call({ to: token, data: tokens.encodeFunctionData('balanceOf', [nobody]) }))
  const nonce = (index = 1) => provider.getTransactionCount(new Wallet(chain.key(index)).address)

  describe('transaction queue', () => {
    it('sends in order, and the same key only once', async () => {
      const events: QueueEvent[] = []
      const line = queue(store(), { onEvent: (event: QueueEvent) => events.push(event) })
      const before = await received()
      const start = await nonce()
      const [first, second, again] = await Promise.all([
        line.send(transfer('a', 1n)),
        line.send(transfer('b', 2n)),
        line.send(transfer('a', 1n)),
      ])
      expect(again.hash).to.equal(first.hash)
      expect(second.hash).not.to.equal(first.hash)
      expect((await received()) - before).to.equal(3n)
      expect((await nonce()) - start).to.equal(2)
      expect(events.map((event) => event.kind)).to.deep.equal(['sent', 'confirmed', 'sent', 'confirmed'])
    })

    it('costs nothing when the contract refuses, and names the error and its arguments', async () => {
      const line = queue(store())
      const start = await nonce()
      const error = await failure(line.send(transfer('too much', parseEther('1000000'))))
      expect(error).to.be.instanceOf(RevertError)
      expect((error as RevertError).error).to.equal('ERC20InsufficientBalance')
      expect((error as RevertError).args.needed).to.equal(parseEther('1000000'))
      expect(error.message).to.contain('needed=1000000000000000000000000')
      expect(await nonce()).to.equal(start)
      await line.send(transfer('too much', 1n))
    })

    it('finishes after a restart what it signed before a crash, without a second transaction', async () => {
      const at = store('crash')
      const before = await received()
      const start = await nonce()
      // The node takes the transaction, the keeper dies before it hears so.
      const endpoint = await FlakyEndpoint.start(url)
      const dying = new AbortController()
      endpoint.onMethod = (method) => {
        if (method !== 'eth_sendRawTransaction') return true
        dying.abort(new Error('killed'))
        return false
      }
      const line = queue(at, { provider: connect([endpoint.url]) })
      expect(await line.send(transfer('x', 7n), dying.signal).catch((error: Error) => error.message)).to.equal('killed')
      await endpoint.stop()
      at.close()
      const again = store('crash')
      expect(again.transactions.open()).to.have.length(1)
      const revived = queue(again)
      await revived.resume()
      expect(again.transactions.open()).to.have.length(0)
      await revived.send(transfer('x', 7n))
      expect((await received()) - before).to.equal(7n)
      expect((await nonce()) - start).to.equal(1)
    })

    it('sends again what a reorganisation dropped', async () => {
      const events: string[] = []
      const at = store()
      const line = queue(at, { onEvent: (event: QueueEvent) => events.push(event.kind) })
      const before = await received()
      const snapshot = await chain.rpc('evm_snapshot')
      await line.send(transfer('r', 5n))
      await chain.rpc('evm_revert', [snapshot])
      await chain.rpc('evm_mine')
      expect((await received()) - before).to.equal(0n)
      const receipt = await line.send(transfer('r', 5n))
      expect(receipt.status).to.equal(1)
      expect((await received()) - before).to.equal(5n)
      expect(events).to.include('reorganised')
    })

    it('waits for the depth it was told', async () => {
      const line = queue(store(), { confirmations: 3 })
      let done = false
      const sending = line.send(transfer('deep')).then(() => {
        done = true
      })
      await systemClock.sleep(300)
      expect(done).to.equal(false)
      await chain.rpc('hardhat_mine', ['0x2'])
      await sending
    })

    it('raises the fee of a transaction that lingers, under the same nonce', async () => {
      await chain.rpc('evm_setAutomine', [false])
      try {
        const events: QueueEvent[] = []
        const at = store()
        const line = queue(at, { fees: { replaceAfter: 60 }, onEvent: (event: QueueEvent) => events.push(event) })
        const start = await nonce()
        const before = await received()
        const sending = line.send(transfer('slow', 3n))
        while (!events.some((event) => event.kind === 'replaced')) await systemClock.sleep(20)
        await chain.rpc('evm_mine')
        const receipt = await sending
        expect(receipt.status).to.equal(1)
        expect((await nonce()) - start).to.equal(1)
        expect((await received()) - before).to.equal(3n)
        const { attempts } = at.transactions.find('slow')!
        expect(attempts.length).to.be.greaterThan(1)
        expect(BigInt(attempts[1]!.maxFeePerGas) * 1000n).to.be.at.least(BigInt(attempts[0]!.maxFeePerGas) * 1125n)
      } finally {
        await chain.rpc('evm_setAutomine', [true])
      }
    })

    it('reports a transaction that failed only on-chain, and lets the act be tried anew', async () => {
      await chain.rpc('evm_setAutomine', [false])
      const at = store()
      try {
        const owner = new Wallet(chain.key(1), provider)
        const all = BigInt(
          await provider.call({ to: token, data: tokens.encodeFunctionData('balanceOf', [owner.address]) }),
        )
        const line = queue(at)
        // Both pass the simulation on the same state; the first to be mined takes it all.
        const snapshot = await chain.rpc('evm_snapshot')
        await owner.sendTransaction({ to: token, data: tokens.encodeFunctionData('transfer', [nobody, all]) })
        at.transactions.insert({
          key: 'loses',
          nonce: (await nonce()) + 1,
          request: { to: token, data: transfer('', all).data, value: '0', gasLimit: '100000' },
          attempts: [await signed(owner, transfer('', all).data, (await nonce()) + 1)],
        })
        const losing = failure(line.send(transfer('loses', all)))
        await systemClock.sleep(100)
        await chain.rpc('evm_mine')
        const error = await losing
        expect((error as RevertError).error).to.equal('ERC20InsufficientBalance')
        expect(at.transactions.find('loses')).to.equal(null)
        await chain.rpc('evm_revert', [snapshot])
      } finally {
        await chain.rpc('evm_setAutomine', [true])
      }
    })

    async function signed(owner: Wallet, data: string, at: number) {
      const raw = await owner.signTransaction({
        type: 2,
        chainId: 31337n,
        to: token,
        data,
        gasLimit: 100_000n,
        nonce: at,
        maxFeePerGas: 10n ** 11n,
        maxPriorityFeePerGas: 10n ** 9n,
      })
      const { Transaction } = await import('ethers')
      return { hash: Transaction.from(raw).hash!, raw, maxFeePerGas: String(10n ** 11n) }
    }

    it('refuses fees over the cap and an empty purse, each by name', async () => {
      const capped = await failure(queue(store(), { fees: { maxFeePerGas: 1n } }).send(transfer('c')))
      expect(capped.code).to.equal('FEE_CAP')
      const poor = Wallet.createRandom()
      const data = tokens.encodeFunctionData('approve', [nobody, 1n])
      const error = await failure(queue(store(), { wallet: poor }).send({ key: 'p', to: token, data }))
      expect(error.code).to.equal('UNFUNDED')
      expect(error.message).to.contain(poor.address)
    })

    it('notices that another process sends with the same key', async () => {
      const at = store()
      await queue(at).send(transfer('mine'))
      const other = new Wallet(chain.key(1), provider)
      await (await other.sendTransaction({ to: nobody, value: 1n })).wait()
      expect((await failure(queue(at).resume())).code).to.equal('FOREIGN_TRANSACTION')
      const stolen = at.transactions.nextNonce()
      at.transactions.insert({
        key: 'late',
        nonce: stolen,
        request: { to: token, data: transfer('').data, value: '0', gasLimit: '100000' },
        attempts: [await signed(other, transfer('').data, stolen)],
      })
      expect((await failure(queue(at).send(transfer('late')))).code).to.equal('FOREIGN_TRANSACTION')
    })
  })

  describe('RPC failover', () => {
    it('goes to the next endpoint whatever the way the first fails, and comes back to work', async () => {
      const endpoint = await FlakyEndpoint.start(url)
      try {
        for (const mode of ['html', 'busy', 'hang', 'wrong-chain'] as const) {
          endpoint.mode = mode
          const moves: string[] = []
          const both = connect([endpoint.url, url], {
            timeout: 300,
            onFailover: (event) => moves.push(event.reason),
          })
          expect(await both.getBlockNumber()).to.be.a('number')
          expect(moves, mode).to.have.length(1)
          expect(both.endpoint).to.equal(url)
        }
      } finally {
        await endpoint.stop()
      }
    })

    it('waits for the only endpoint to come back', async () => {
      const endpoint = await FlakyEndpoint.start(url)
      endpoint.mode = 'html'
      const patient = connect([endpoint.url], { patience: 10_000 })
      const asking = patient.getBlockNumber()
      await systemClock.sleep(400)
      endpoint.mode = 'ok'
      expect(await asking).to.be.a('number')
      await endpoint.stop()
    })

    it('gives up by name when nobody answers, without showing credentials', async () => {
      const secret = 'http://user:secret@127.0.0.1:9/key'
      const error = await failure(connect([secret], { patience: 300 }).getBlockNumber())
      expect(error.code).to.equal('UNREACHABLE')
      expect(error.message).not.to.match(/secret|\/key/)
    })

    it('refuses an endpoint of another chain', async () => {
      const error = await failure(connect([url], { chainId: 5n, patience: 300 }).getBlockNumber())
      expect(error.code).to.equal('WRONG_CHAIN')
      expect(error.message).to.match(/is on chain 31337, expected 5/)
    })

    it('passes a revert on at once instead of trying elsewhere', async () => {
      const endpoint = await FlakyEndpoint.start(url)
      const both = connect([endpoint.url, endpoint.url])
      await both.getBlockNumber()
      const asked = endpoint.requests
      const call = both.call({ from: nobody, to: token, data: tokens.encodeFunctionData('mint', [nobody, 1n]) })
      const error = await call.catch((caught: unknown) => decodeRevert(caught, [tokens], 'mint'))
      expect((error as RevertError).error).to.equal('AccessControlUnauthorizedAccount')
      expect(endpoint.requests - asked).to.equal(1)
      await endpoint.stop()
    })
  })

  describe('event cursor', () => {
    const follow = (at: KeeperStore, fromBlock: number, span = 2_000) =>
      new EventCursor({ provider, store: at, addresses: [token], fromBlock, span })
    const send = async (amount: bigint) => {
      const owner = new Wallet(chain.key(1), provider)
      const data = tokens.encodeFunctionData('transfer', [nobody, amount])
      return (await owner.sendTransaction({ to: token, data })).wait()
    }
    const amounts = (at: KeeperStore) =>
      at.logs.all().map((row) => tokens.parseLog({ topics: [...row.topics], data: row.data })!.args.value as bigint)
    const catchUp = async (cursor: EventCursor) => {
      for (;;) {
        const { added, head } = await cursor.step()
        if (added.length === 0 && head === (await provider.getBlockNumber())) return
      }
    }

    it('reads each log once, over restarts and in small spans', async () => {
      const from = (await provider.getBlockNumber()) + 1
      for (const amount of [11n, 12n, 13n]) await send(amount)
      const at = store('cursor')
      await catchUp(follow(at, from, 1))
      expect(amounts(at)).to.deep.equal([11n, 12n, 13n])
      at.close()
      const again = store('cursor')
      const cursor = follow(again, from)
      expect(cursor.position).to.equal(from + 2)
      await send(14n)
      const { added } = await cursor.step()
      expect(added).to.have.length(1)
      expect(amounts(again)).to.deep.equal([11n, 12n, 13n, 14n])
    })

    it('drops the logs of a branch that lost and reads those of the one that won', async () => {
      const from = (await provider.getBlockNumber()) + 1
      await send(21n)
      const at = store('fork')
      const cursor = follow(at, from)
      await catchUp(cursor)
      const snapshot = await chain.rpc('evm_snapshot')
      await send(22n)
      await catchUp(cursor)
      await send(23n)
      await catchUp(cursor)
      expect(amounts(at)).to.deep.equal([21n, 22n, 23n])
      await chain.rpc('evm_revert', [snapshot])
      await send(24n)
      const step = await cursor.step()
      expect(step.rolledBackTo).to.equal(from)
      await catchUp(cursor)
      expect(amounts(at)).to.deep.equal([21n, 24n])
    })

    it('notices a branch that is longer than the one it knew', async () => {
      const from = (await provider.getBlockNumber()) + 1
      const at = store('longer')
      const snapshot = await chain.rpc('evm_snapshot')
      await send(31n)
      await catchUp(follow(at, from))
      await chain.rpc('evm_revert', [snapshot])
      for (const amount of [32n, 33n, 34n]) await send(amount)
      await catchUp(follow(at, from))
      expect(amounts(at)).to.deep.equal([32n, 33n, 34n])
    })

    it('stays where it was when the endpoint fails', async () => {
      const endpoint = await FlakyEndpoint.start(url)
      const flaky = connect([endpoint.url], { patience: 200 })
      const at = store()
      const from = await provider.getBlockNumber()
      const cursor = new EventCursor({ provider: flaky, store: at, addresses: [token], fromBlock: from })
      await cursor.step()
      const { position } = cursor
      endpoint.mode = 'html'
      await send(41n)
      expect((await failure(cursor.step())).code).to.equal('UNREACHABLE')
      expect(cursor.position).to.equal(position)
      endpoint.mode = 'ok'
      await cursor.step()
      expect(cursor.position).to.equal(position + 1)
      await endpoint.stop()
    })
  })

  it('backs off exponentially, with jitter, up to a limit', () => {
    expect(backoff(0, 100, 10_000, () => 0.5)).to.equal(100)
    expect(backoff(3, 100, 10_000, () => 0.5)).to.equal(800)
    expect(backoff(60, 100, 10_000, () => 1)).to.equal(12_500)
    expect(backoff(0, 100, 10_000, () => 0)).to.equal(75)
  })

  it('sleeps no longer than its signal allows', async () => {
    const clock: Clock = systemClock
    const reason = new Error('stop')
    const slept = await clock.sleep(60_000, AbortSignal.abort(reason)).catch((error: Error) => error)
    expect(slept).to.equal(reason)
  })
})
