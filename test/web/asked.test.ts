// SPDX-License-Identifier: GPL-3.0-or-later
// Money of a question whose tab is closed before the chain has it.
import { expect } from 'chai'
import { type Eip1193Provider, Wallet as Key, keccak256, toBeHex } from 'ethers'
import { contractInterface, parseDeployment } from '../../keepers/chain/index.ts'
import { madeDeployment as sampleDeployment } from '../../scripts/bench/console/deployment.ts'
import { account, connect } from '../../web/src/chain/wallet.ts'
import { askKeepers, resumeRequests } from '../../web/src/model/ask.ts'
import { rememberedRequests, unseenRequests } from '../../web/src/model/asked.ts'

const MINE = new Key(`0x${'11'.repeat(32)}`).address
const OTHER = new Key(`0x${'22'.repeat(32)}`).address
const [CHAIN, MODEL, BLOCK, NOW] = [31337, 7n, 40, 1_000_000]
const COMMITMENT = toBeHex(99, 32)
const site = { deployment: parseDeployment(sampleDeployment()) } as never
const { InferenceHub: hub } = parseDeployment(sampleDeployment()).contracts
const abi = contractInterface('InferenceHub')

/** The browser's storage, which outlives tabs. */
class Shelf {
  readonly texts = new Map<string, string>()
  getItem(key: string): string | null {
    return this.texts.get(key) ?? null
  }
  setItem(key: string, text: string): void {
    this.texts.set(key, text)
  }
}

/** A wallet that does with a transaction as a test says. */
function walletThat(sends: () => Promise<string>): Eip1193Provider {
  const block = {
    number: toBeHex(BLOCK),
    timestamp: toBeHex(NOW),
    hash: keccak256('0x02'),
    parentHash: keccak256('0x01'),
  }
  const rest = { nonce: '0x0000000000000000', difficulty: '0x0', gasLimit: '0x1', gasUsed: '0x0', miner: MINE }
  const answers: Record<string, () => unknown> = {
    eth_requestAccounts: () => [MINE],
    eth_accounts: () => [MINE],
    eth_chainId: () => toBeHex(CHAIN),
    eth_blockNumber: () => toBeHex(BLOCK),
    eth_estimateGas: () => '0x5208',
    eth_getBlockByNumber: () => ({ ...block, ...rest, extraData: '0x', transactions: [] }),
    eth_sendTransaction: sends,
  }
  return {
    async request({ method }: { method: string }): Promise<unknown> {
      const answer = answers[method]
      if (answer === undefined) throw new Error(`${method} is not expected`)
      return await answer()
    },
  }
}

/** The hub's log of one request. */
function posted(requestId: number, requester: string, commitment: string) {
  const args = [toBeHex(requestId, 32), MODEL, requester, 3, commitment, 5n, NOW + 600, '0x']
  return { ...abi.encodeEventLog('InferenceRequested', args), blockNumber: BLOCK + 1 }
}

describe('a question whose tab is closed', () => {
  const storage = Object.getOwnPropertyDescriptor(globalThis, 'localStorage')
  let shelf: Shelf
  beforeEach(() => {
    shelf = new Shelf()
    Object.defineProperty(globalThis, 'localStorage', { value: shelf, configurable: true })
  })
  afterEach(() => {
    account.value = null
    Object.defineProperty(globalThis, 'localStorage', storage ?? { value: undefined, configurable: true })
  })

  const model = { prepare: async () => ({ inputCommitment: COMMITMENT, payload: `0x${'00'.repeat(35)}` }) }
  const order = { input: [1, 2], price: 5n, seconds: 600 }
  const headAt = (block: number, timestamp: number) => ({ peek: () => ({ block, timestamp }) })
  const ask = async (sends: () => Promise<string>) => {
    await connect({ id: 'test', name: 'Test wallet', provider: walletThat(sends) })
    const connection = { site, head: headAt(BLOCK, NOW) } as never
    return await askKeepers(connection, { modelId: MODEL } as never, model as never, order)
  }
  const visit = async (logs: readonly object[], at = headAt(BLOCK + 2, NOW + 30)) => {
    const filters: { topics: readonly (string | null)[] }[] = []
    const provider = {
      getLogs: async (filter: (typeof filters)[number]) => {
        filters.push(filter)
        return logs
      },
    }
    return { waiting: await resumeRequests({ site, head: at, provider } as never, MODEL), filters }
  }

  it('is kept before the wallet is asked, and found at the next visit', async () => {
    let keptBefore = 0
    // The visitor says yes and closes the tab: nothing after this line ever runs there.
    void ask(() => {
      keptBefore = unseenRequests(site, MODEL).length
      return new Promise(() => undefined)
    }).catch(() => undefined)
    for (let i = 0; keptBefore === 0 && i < 200; i++) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(keptBefore).to.equal(1)
    expect(rememberedRequests(site, MODEL)).to.deep.equal([])
    expect((await visit([])).waiting).to.have.length(1)
    // Others ask, too; and this account asked something else.
    const { waiting, filters } = await visit([posted(1, MINE, toBeHex(98, 32)), posted(4, MINE, COMMITMENT)])
    expect(waiting).to.deep.equal([])
    expect(filters[0]!.topics[3]).to.equal(toBeHex(MINE.toLowerCase(), 32))
    const [found] = rememberedRequests(site, MODEL)
    expect(found).to.deep.include({
      requestId: toBeHex(4, 32),
      hub,
      modelId: '7',
      block: BLOCK,
      inputCommitment: COMMITMENT,
    })
    expect(unseenRequests(site, MODEL)).to.deep.equal([])
  })

  it('is kept when the endpoint fails after the wallet has sent it', async () => {
    const failure = await ask(() => Promise.reject(new Error('socket hang up'))).catch((error: Error) => error)
    expect(failure).to.be.instanceOf(Error)
    expect((await visit([])).waiting).to.have.length(1)
  })

  it('is forgotten when the visitor declines, and when the hub can take it no more', async () => {
    await ask(() => Promise.reject(Object.assign(new Error('no'), { code: 4001 }))).catch(() => undefined)
    expect(unseenRequests(site, MODEL)).to.deep.equal([])
    await ask(() => Promise.reject(new Error('socket hang up'))).catch(() => undefined)
    expect((await visit([], headAt(BLOCK + 9, NOW + 600))).waiting).to.have.length(1)
    expect((await visit([posted(4, OTHER, toBeHex(97, 32))], headAt(BLOCK + 99, NOW + 4_201))).waiting).to.deep.equal(
      [],
    )
    expect(unseenRequests(site, MODEL)).to.deep.equal([])
  })

  it('takes nothing that other pages of the origin wrote', async () => {
    shelf.setItem('cohort/requests/unseen', JSON.stringify([{ account: '<img>' }, null, 7]))
    expect((await visit([])).waiting).to.deep.equal([])
  })
})
