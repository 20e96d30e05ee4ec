// SPDX-License-Identifier: GPL-3.0-or-later
// What an endpoint, a wallet or somebody who opens a market may do to those who look at the console.
import { expect } from 'chai'
import { type Eip1193Provider, Wallet as Key, keccak256, MaxUint256, toBeHex, ZeroAddress, ZeroHash } from 'ethers'
import { contractInterface, parseDeployment } from '../../keepers/chain/index.ts'
import { madeDeployment as sampleDeployment } from '../../scripts/bench/console/deployment.ts'
import { idsToRead } from '../../web/src/chain/count.ts'
import type { StoredLog } from '../../web/src/chain/history.ts'
import { account, connect, signerOn } from '../../web/src/chain/wallet.ts'
import { listEnsembles } from '../../web/src/ensembles/ensembles.ts'
import { spendHashOf } from '../../web/src/guards/spend.ts'
import { listMarkets, textsOf } from '../../web/src/market/markets.ts'
import { requireCommitted } from '../../web/src/model/commitment.ts'
import { listHubModels, MOST_MODELS } from '../../web/src/model/hub-models.ts'
import { contextOf, directRequestId, proveFor, recordOnChain } from '../../web/src/model/proof.ts'
import { listJobs } from '../../web/src/provers/jobs.ts'
import { time } from '../../web/src/ui/format.ts'

const [MINE, OTHER] = [new Key(`0x${'11'.repeat(32)}`).address, new Key(`0x${'22'.repeat(32)}`).address]
const CHAIN = 31337
const TARGET = `0x${'33'.repeat(20)}`

/** A wallet that keeps what it is asked to send. */
class TestWallet implements Eip1193Provider {
  readonly sent: Record<string, string>[] = []
  accounts: readonly string[] = [MINE]
  readonly heard = new Map<string, (value: unknown) => void>()

  on(name: string, listener: (value: unknown) => void): void {
    this.heard.set(name, listener)
  }
  async request({ method, params }: { method: string; params?: unknown }): Promise<unknown> {
    if (method === 'eth_requestAccounts' || method === 'eth_accounts') return this.accounts
    if (method === 'eth_chainId') return `0x${CHAIN.toString(16)}`
    if (method === 'eth_estimateGas') return '0x5208'
    if (method === 'eth_sendTransaction') {
      this.sent.push((params as [Record<string, string>])[0])
      return keccak256('0x01')
    }
    throw new Error(`${method} is not expected`)
  }
}

describe('the console before those who mean it ill', () => {
  let wallet: TestWallet
  beforeEach(async () => {
    wallet = new TestWallet()
    await connect({ id: 'test', name: 'Test wallet', provider: wallet })
  })
  afterEach(() => {
    account.value = null
  })

  it('names the chain in each transaction, for a wallet that has changed it since', async () => {
    const signer = await signerOn(CHAIN)
    await (signer as unknown as { sendUncheckedTransaction(tx: object): Promise<string> }).sendUncheckedTransaction({
      ...{ to: TARGET, data: '0x' },
    })
    expect(wallet.sent[0]).to.include({ from: MINE.toLowerCase(), chainId: `0x${CHAIN.toString(16)}` })
  })

  const deployment = parseDeployment(sampleDeployment())
  const hubModel = { modelId: 7n, version: 3 }

  it('binds a proof to the visitor, whatever the endpoint says that it should be bound to', async () => {
    let context = 0n
    const model = {
      prove: async (_input: unknown, given: bigint) => {
        context = given
        return { proof: { a: [], b: [], c: [] }, publicSignals: [], seconds: 0 }
      },
    }
    const asked: string[] = []
    const provider = new Proxy({}, { get: (_target, name) => asked.push(String(name)) })
    const connection = { provider, site: { deployment }, head: { value: { timestamp: 1000 } } }
    const made = await proveFor(connection as never, hubModel, model as never, [1], MINE)
    const { caller, nonce, version, deadline } = made
    expect(asked).to.deep.equal([])
    const requestId = directRequestId(caller, nonce)
    const bound = { chainId: CHAIN, hub: deployment.contracts.InferenceHub, requestId, caller, version, deadline }
    expect([caller, version, deadline]).to.deep.equal([MINE, 3, 4600])
    expect(context).to.equal(contextOf({ ...bound, modelId: 7n }))
    expect(context).to.not.equal(contextOf({ ...bound, modelId: 7n, caller: OTHER }))
  })

  it('hands in no proof of an account that the wallet has left', async () => {
    wallet.heard.get('accountsChanged')!([OTHER])
    wallet.accounts = [OTHER]
    const proof = { caller: MINE, publicSignals: [0n, 0n, 0n], nonce: '0x', version: 3, deadline: 4600 }
    const failure = await recordOnChain({ site: { deployment } } as never, hubModel as never, proof as never).catch(
      (error: Error) => error.message,
    )
    expect(failure).to.equal(
      `this proof is bound to ${MINE}, your wallet is on ${OTHER}: change its account, or prove again`,
    )
    expect(wallet.sent).to.deep.equal([])
  })

  it('shows the other questions beside one that is not text', () => {
    const abi = contractInterface('PredictionMarket')
    const of = (id: number, text: string): StoredLog => {
      const fragment = abi.getEvent('MarketCreated')!
      const empty = { bytes: '0x', bytes32: ZeroHash, address: ZeroAddress } as Record<string, string>
      const question = fragment.inputs[2]!.components!.map(({ type }) => empty[type] ?? 0)
      return { block: 1, index: 0, transactionHash: '0x', ...abi.encodeEventLog(fragment, [id, MINE, question, text]) }
    }
    const bad = of(1, 'zz')
    const spoilt = { ...bad, data: bad.data.replace('7a7a', 'fffe') }
    const texts = textsOf([spoilt, of(2, 'Will it rain?')])
    expect([...texts.values()]).to.deep.equal(['a question that is not text', 'Will it rain?'])
  })

  /** An endpoint that answers each call with this word, and counts them. */
  function endpointOf(word: bigint) {
    const asked = { calls: 0 }
    const call = async () => {
      asked.calls++
      return toBeHex(word, 32)
    }
    const provider = { call, resolveName: async (name: string) => name }
    const history = () => ({ step: async () => false, logs: [] })
    return { asked, connection: { provider, history, site: { deployment, circuits: {} } } as never }
  }

  for (const [what, list] of [
    ['models in the hub', listHubModels],
    ['markets', (it: never) => listMarkets(it, { count: 20, skip: 0 })],
    ['ensembles', (it: never) => listEnsembles(it, { count: 20, skip: 0 })],
    ['proving jobs', (it: never) => listJobs(it, { count: 20, skip: 0 })],
  ] as const)
    it(`says that an endpoint is wrong about its number of ${what}`, async () => {
      const { asked, connection } = endpointOf(MaxUint256)
      const error = await list(connection).then(
        () => null,
        (cause: Error) => cause,
      )
      expect(error)
        .to.have.property('message')
        .which.contains(`${String(MaxUint256).slice(0, 12)}… ${what}, which cannot be`)
      expect(asked.calls).to.equal(1)
    })

  it('takes weights by the commitment that the service has, whatever an index told of its rounds', async () => {
    const [voted, forged] = [toBeHex(7n, 32), toBeHex(8n, 32)]
    const abi = contractInterface('ILearningService')
    const asked: unknown[] = []
    const provider = {
      call: async ({ to, data }: { to: string; data: string }) => {
        asked.push([to, abi.parseTransaction({ data })?.name])
        return abi.encodeFunctionResult('versionAt', [
          { epoch: 1, round: 1, acceptedAt: 1, votes: 3, weightsCommitment: voted },
        ])
      },
      resolveName: async (name: string) => name,
    }
    const check = (commitment: string) => requireCommitted({ provider } as never, TARGET, 2, commitment)
    await check(voted)
    const error = await check(forged).then(
      () => null,
      (cause: Error) => cause,
    )
    expect(error).to.have.property('message').which.contains(`commit to ${forged}, the chain has ${voted}`)
    expect(asked[0]).to.deep.equal([TARGET, 'versionAt'])
  })

  it('announces the payment that is shown, whatever hash an endpoint has for it', () => {
    const place = { chainId: 31337, guard: TARGET }
    const paid = { to: OTHER, value: 10n ** 17n }
    const hash = spendHashOf(place, MINE, paid)
    // As test/contracts/consumers/spend-hash.test.ts has it from the contract, which is asked for nothing here.
    for (const other of [
      spendHashOf(place, MINE, { ...paid, to: MINE }),
      spendHashOf(place, MINE, { ...paid, value: 10n ** 18n }),
      spendHashOf(place, OTHER, paid),
      spendHashOf({ ...place, chainId: 1 }, MINE, paid),
      spendHashOf({ ...place, guard: MINE }, MINE, paid),
    ]) {
      expect(other).to.not.equal(hash)
    }
  })

  it('reads the first models, however many somebody adds', () => {
    expect(idsToRead(3, 4)).to.deep.equal([1n, 2n, 3n])
    expect(idsToRead(4, 4)).to.deep.equal([1n, 2n, 3n, 4n])
    expect(idsToRead(1_000_000, 4)).to.deep.equal([1n, 2n, 999_999n, 1_000_000n])
  })

  it('asks for no more models than it shows', async () => {
    const { asked, connection } = endpointOf(10_000_000n)
    await listHubModels(connection).catch(() => null)
    expect(asked.calls).to.be.within(2, 1 + 2 * MOST_MODELS)
  })

  it('shows times that no calendar has', () => {
    expect(time(0)).to.equal('1970-01-01 00:00:00')
    for (const seconds of [Number(2n ** 64n - 1n), 8.64e12 + 1, Number.NaN]) expect(time(seconds)).to.equal('never')
  })
})
