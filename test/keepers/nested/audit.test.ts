// SPDX-License-Identifier: GPL-3.0-or-later
// The audit of a round whose members are services, on a chain of two services and one above them: what it recomputes, and whom it points at.
import { expect } from 'chai'
import { id, type JsonRpcApiProvider, ZeroAddress } from 'ethers'
import { contractInterface } from '../../../keepers/chain/index.ts'
import { auditRound, NestedError, partyOfLower } from '../../../keepers/nested/index.ts'
import { cidFromHex } from '../../../keepers/network/index.ts'
import {
  clip,
  commitToWeights,
  encodeModel,
  entryBound,
  exampleManifest,
  firstWeights,
  manifestDigest,
  openManifest,
  type PlannedModel,
} from '../../../keepers/versions/index.ts'

const [TREE, UPPER, A, B, REGISTRY] = ['1', '2', '3', '4', '5'].map((digit) => `0x${digit.repeat(40)}`) as [
  string,
  string,
  string,
  string,
  string,
]
const MANIFEST = exampleManifest('logistic', { rounds: { minTotalSamples: 400, maxSamples: 1000 } })
const [WINDOW, BEGAN, ROUND, SAMPLES] = [100, 5_000, 3, 1000]
const service = contractInterface('ILearningService')
const tree = contractInterface('ServiceTree')
const registry = contractInterface('KeeperRegistry')

type Version = {
  readonly weights: Float32Array
  readonly at: number
  readonly commitment: string
  readonly cid: string
}
type Log = { address: string; topics: string[]; data: string; blockNumber: number }

describe('the audit of a round of services', () => {
  let model: PlannedModel
  let start: Float32Array
  let serial = 0
  const blobs = new Map<string, Uint8Array>()

  before(async () => {
    model = await openManifest(MANIFEST)
    start = await firstWeights(MANIFEST, model.spec, null)
  })

  /** A version that is the start, moved by so much in a direction of its own. */
  const version = (weights: Float32Array, at: number): Version => {
    const { commitment } = commitToWeights(model, weights)
    // The CID of a block that the plane is asked for: any will do, the commitment is what counts.
    const cid = `0x01551220${id(`blob ${serial++}`).slice(2)}`
    blobs.set(cid, encodeModel(weights))
    return { weights, at, commitment, cid }
  }
  const moved = (step: number, phase: number): Float32Array =>
    start.map((weight, i) => weight + step * Math.sin(i + phase))
  const federated = (versions: readonly Float32Array[]): Float32Array => {
    const { clipNorm } = MANIFEST.rounds
    const updates = versions.map((weights) => clip(weights, start, entryBound(MANIFEST.rounds), clipNorm).update)
    return start.map((weight, i) => weight + updates.reduce((sum, update) => sum + update[i]!, 0) / updates.length)
  }

  /** The chain, on which the seats 0 and 1 represent A and B. */
  const source = (
    versions: Readonly<Record<string, readonly Version[]>>,
    represented: readonly string[] = [A, B],
    { seatsFor = represented, before = represented }: { seatsFor?: readonly string[]; before?: readonly string[] } = {},
  ) => {
    const keeper = (seat: number): string => `0x${String(seat + 6).repeat(40)}`
    const seatOf = (who: unknown): number => [0, 1].findIndex((seat) => keeper(seat) === String(who))
    const logs: Log[] = []
    const say = (address: string, name: string, values: readonly unknown[], blockNumber = 7): void => {
      const { topics, data } = service.encodeEventLog(name, values as unknown[])
      logs.push({ address, topics: topics as string[], data, blockNumber })
    }
    for (const [address, list] of Object.entries(versions)) {
      for (const [i, { commitment, cid }] of list.entries())
        say(address, 'UpdateCompleted', [address === UPPER ? ROUND : i + 1, commitment, cid, i + 1])
    }
    say(UPPER, 'Transitioned', [0, 5, 0, 1, ROUND, BEGAN + WINDOW], 5)
    say(UPPER, 'MembersDrafted', [ROUND, 3, id('sum'), 3, 0, 3])
    for (const seat of [0, 1]) {
      say(UPPER, 'UpdateCommitted', [ROUND, seat, id('update')])
      say(UPPER, 'UpdateRevealed', [ROUND, seat, '0x00', 1, SAMPLES])
    }
    const answers: Record<string, (to: string, args: readonly unknown[], block: unknown) => readonly unknown[]> = {
      keeperRegistry: () => [REGISTRY],
      modelRegistry: () => [REGISTRY],
      clock: () => [0, 1, 1, 1],
      seats: () => [0, 0],
      seatInfo: (_, [seat]) => [keeper(Number(seat)), ZeroAddress, 0],
      versionCount: (to) => [versions[to]!.length],
      versionAt: (to, [at]) => {
        const found = versions[to]![Number(at) - 1]!
        return [[1, at, found.at, 2, found.commitment]]
      },
      parameters: () => [
        [
          1,
          1,
          WINDOW,
          1,
          1,
          1,
          1,
          2,
          2,
          5000,
          100,
          2,
          false,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          ZeroAddress,
          ZeroAddress,
          0,
          manifestDigest(MANIFEST),
        ],
      ],
      epochInfo: () => [[1, 3, 2, 2, 2, 2, 0, id('crs'), id('key'), 0, 2]],
      // Before block 7 that is those of before.
      representedBy: (_, [__, who], block) => [(Number(block) < 7 ? before : represented)[seatOf(who)]],
      partyOf: (_, [who]) => [partyOfLower(seatsFor[seatOf(who)]!)],
      lowerCount: () => [2],
      lowerAt: (_, [__, i]) => [[A, B][Number(i)]],
      serviceStatus: () => [1],
    }
    const provider: Record<string, unknown> = {
      getCode: async () => '0x01',
      getBlockNumber: async () => 9,
      resolveName: async (name: string) => name,
      call: async ({ to, data, blockTag }: { to: string; data: string; blockTag?: unknown }) => {
        const iface = [service, tree, registry].find((one) => one.parseTransaction({ data }) !== null)!
        const { name, args } = iface.parseTransaction({ data })!
        return iface.encodeFunctionResult(name, answers[name]!(to, [...args], blockTag ?? 9) as unknown[])
      },
      getLogs: async ({ address, topics }: { address: string; topics: (string | string[] | null)[] }) =>
        logs
          .filter((log) => log.address === address)
          .filter((log) =>
            (topics ?? []).every((wanted, i) => wanted === null || [wanted].flat().includes(log.topics[i]!)),
          )
          .map((log, index) => ({
            ...log,
            index,
            blockHash: id('block'),
            transactionHash: id('tx'),
            transactionIndex: 0,
            removed: false,
          })),
    }
    provider.provider = provider
    return {
      provider: provider as unknown as JsonRpcApiProvider,
      ...{ endpoints: { count: 1, everywhere: async () => [] }, clock: { now: () => 0 } },
      plane: {
        fetch: async (cid: string) => blobs.get([...blobs.keys()].find((hex) => cidFromHex(hex) === cid)!)!,
      } as never,
      ...{ tree: TREE, upper: UPPER, manifest: MANIFEST, model, fromBlock: 0 },
    }
  }

  it('finds a model as stated when its members brought the versions that the chain names', async () => {
    const [a, b] = [moved(0.001, 1), moved(0.002, 2)]
    // B's second version came after the round had begun.
    const lowers = { [A]: [version(a, 100)], [B]: [version(b, BEGAN), version(moved(0.01, 9), BEGAN + 1)] }
    const found = await auditRound(source({ ...lowers, [UPPER]: [version(federated([a, b]), 9_000)] }), ROUND)
    expect([found.verdict, found.seats.map(({ version: of }) => of)]).to.deep.equal(['as stated', [1n, 1n]])
    expect(found.difference).to.be.below(found.tolerance)
  })

  it('finds that somebody brought something else, and an older version that explains it', async () => {
    const [old, a, b, lie] = [moved(0.003, 5), moved(0.001, 1), moved(0.002, 2), moved(0.004, 7)]
    const lowers = { [A]: [version(old, 50), version(a, 100)], [B]: [version(b, 100)] }
    const stale = await auditRound(source({ ...lowers, [UPPER]: [version(federated([old, b]), 9_000)] }), ROUND)
    expect(stale.verdict).to.equal('differs')
    expect(stale.seats.map(({ staleVersion }) => staleVersion)).to.deep.equal([1n, null])
    const lied = await auditRound(source({ ...lowers, [UPPER]: [version(federated([lie, b]), 9_000)] }), ROUND)
    expect([lied.verdict, lied.seats[0]!.suspect, lied.seats[0]!.staleVersion]).to.deep.equal(['differs', true, null])
    expect(lied.difference).to.be.above(100 * lied.tolerance)
  })

  it('clears a seat whose update would have had to be longer than its proof allows', async () => {
    const { clipNorm } = MANIFEST.rounds
    const norm = (weights: Float32Array): number => Math.hypot(...weights.map((weight, i) => weight - start[i]!))
    const direction = moved(1, 3)
    const length = norm(direction)
    const full = start.map((weight, i) => weight + ((direction[i]! - weight) * 0.999 * clipNorm) / length)
    const opposite = start.map((weight, i) => 2 * weight - full[i]!)
    // A lies by twice the bound, from one end to the other. B, near its own end already, cannot have done that.
    const lowers = { [A]: [version(full, 100)], [B]: [version(opposite, 100)] }
    const { seats, verdict } = await auditRound(
      source({ ...lowers, [UPPER]: [version(federated([opposite, opposite]), 9_000)] }),
      ROUND,
    )
    expect(verdict).to.equal('differs')
    expect(seats.map(({ suspect }) => suspect)).to.deep.equal([true, false])
  })

  it('names a seat that contributed for a service which its keeper had ceased to represent', async () => {
    const [a, b] = [moved(0.001, 1), moved(0.002, 2)]
    const chain = { [A]: [version(a, 100)], [B]: [version(b, 100)], [UPPER]: [version(federated([a, b]), 9_000)] }
    const gone = await auditRound(source(chain, [A, ZeroAddress], { seatsFor: [A, B] }), ROUND)
    expect([gone.verdict, gone.difference]).to.deep.equal(['differs', null])
    expect(gone.seats.map(({ suspect, dismissed }) => [suspect, dismissed])).to.deep.equal([
      [false, false],
      [true, true],
    ])
    // Replaced after training had begun: it may have trained before, and its service's version is what it should have brought.
    const during = await auditRound(source(chain, [A, ZeroAddress], { seatsFor: [A, B], before: [A, B] }), ROUND)
    expect(during.verdict).to.equal('as stated')
  })

  it('cannot tell where a keeper of its own contributed, and refuses what it cannot recompute', async () => {
    const a = version(moved(0.001, 1), 100)
    const chain = { [A]: [a], [B]: [a], [UPPER]: [version(federated([a.weights, a.weights]), 9_000)] }
    const { verdict, difference } = await auditRound(source(chain, [A, ZeroAddress]), ROUND)
    expect([verdict, difference]).to.deep.equal(['unknown', null])
    const code = async (changes: object, round = ROUND): Promise<string> => {
      const error = await auditRound({ ...source(chain), ...changes }, round).catch((cause: unknown) => cause)
      expect(error).to.be.instanceOf(NestedError)
      return (error as NestedError).code
    }
    const noisy = { ...MANIFEST, rounds: { ...MANIFEST.rounds, strategy: { kind: 'fedavg', momentum: 0.5 } } }
    expect(await code({ manifest: noisy })).to.equal('not-comparable')
    expect(await code({ manifest: { ...MANIFEST, name: 'another' } })).to.equal('not-comparable')
    expect(await code({}, 99)).to.equal('no-round')
  })
})
