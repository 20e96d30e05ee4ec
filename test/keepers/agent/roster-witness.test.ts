// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { ZeroHash } from 'ethers'
import { keyCommit } from '../../../keepers/agent/behaviours/key-commit.ts'
import type { AgentContext } from '../../../keepers/agent/context.ts'
import type { EpochFrame } from '../../../keepers/agent/epoch.ts'
import { decodeKeyIndex } from '../../../keepers/agent/key-index.ts'
import { contractInterface } from '../../../keepers/chain/index.ts'
import { openSealed } from '../../../keepers/fhe/envelope.ts'
import { generateEncryptionKey } from '../../../keepers/fhe/index.ts'
import { frameOf } from '../../../keepers/fhe/key-frame.ts'
import { decodeSealedShare, sealedShareBinding } from '../../../keepers/fhe/key-messages.ts'
import { exampleManifest, manifestDigest } from '../../../keepers/versions/index.ts'
import { type RoundStage, roundStage, SEED } from './round-stage.ts'

const REGISTRY = `0x${'77'.repeat(20)}`
const service = contractInterface('ILearningService')
const registry = contractInterface('KeeperRegistry')

/** What an endpoint says of an epoch and its members. */
type Says = {
  readonly roster: EpochFrame['roster']
  readonly threshold: number
  readonly members: bigint
  readonly decryptions: bigint
}

describe('the members that a keeper deals to', () => {
  let stage: RoundStage
  beforeEach(async () => {
    manifest = ZeroHash
    stage = await roundStage({ members: 4, threshold: 3, self: 1 })
    stage.snapshot = { ...stage.snapshot, state: 'KeyCommit' }
    Object.assign(stage.context, { manifest: exampleManifest('logistic') })
    Object.assign(stage.context.contracts, { registry: { getAddress: async () => REGISTRY } })
  })
  afterEach(() => stage.close())

  const truth = (): Says => ({
    roster: stage.frame.roster,
    threshold: 3,
    members: stage.snapshot.epochInfo.members,
    decryptions: BigInt(stage.frame.plan.decryptionsPerKey),
  })

  /** What every endpoint says of the service's manifest. */
  let manifest: string

  /** Tells the keeper of the epoch as its first endpoint does, and has each endpoint answer. */
  function told(first: Says, ...others: (Says | null)[]): void {
    const args = {
      epoch: stage.frame.context.epoch,
      crsSeed: SEED,
      members: first.members,
      quorum: 3,
      decryptionThreshold: first.threshold,
    }
    const fact = stage.tell('EpochOpened', args)
    const plan = { ...stage.frame.plan, threshold: first.threshold, decryptionsPerKey: Number(first.decryptions) }
    const frame = { ...stage.frame, roster: first.roster, plan }
    const everywhere: AgentContext['endpoints']['everywhere'] = async (method, params) =>
      [first, ...others].map((says, i) => {
        if (says === null) return { endpoint: `e${i}`, reason: 'HTTP 502' }
        if (method === 'eth_getLogs') {
          const said = { ...args, members: says.members, decryptionThreshold: says.threshold }
          const event = service.getEvent('EpochOpened')!
          const values = event.inputs.map(({ name }) => (said as Record<string, unknown>)[name])
          const log = service.encodeEventLog(event, values)
          return { endpoint: `e${i}`, result: [{ ...log, blockHash: fact.blockHash }] }
        }
        if (method === 'eth_getBlockByNumber') {
          return { endpoint: `e${i}`, result: { hash: fact.blockHash, number: '0x1', timestamp: '0x0' } }
        }
        const [{ to, data }] = params as [{ to: string; data: string }]
        if (to === REGISTRY) return { endpoint: `e${i}`, result: keeperOf(says, data) }
        const call = service.getFunction(data.slice(0, 10))!.name
        if (call === 'seatInfo') return { endpoint: `e${i}`, result: seatInfo(says, data) }
        return { endpoint: `e${i}`, result: parametersOf(says, call as 'parameters') }
      })
    Object.assign(stage.context, {
      endpoints: { count: 1 + others.length, everywhere, prefer: () => undefined },
      epochs: { frame: async () => frame },
    })
  }

  function seatInfo({ roster }: Says, data: string): string {
    const [seat] = service.decodeFunctionData('seatInfo', data)
    const found = roster.find((member) => BigInt(member.seat) === seat)
    return found ? service.encodeFunctionResult('seatInfo', [found.address, found.address, 0]) : '0x'
  }

  function keeperOf({ roster }: Says, data: string): string {
    const [owner] = registry.decodeFunctionData('keeperOf', data)
    const found = roster.find(({ address }) => address.toLowerCase() === String(owner).toLowerCase())
    if (found === undefined) return '0x'
    const key = `0x${Buffer.from(found.encryptionKey).toString('hex')}`
    return registry.encodeFunctionResult('keeperOf', [[found.address, 0, 0, 0, 0, 0, key, '0x']])
  }

  function parametersOf({ decryptions }: Says, method: 'parameters' | 'pendingParameters'): string {
    const fields = service.getFunction('parameters')!.outputs[0]!.components!
    const values = fields.map(({ name, type }) => {
      if (name === 'decryptionsPerEpoch') return decryptions
      if (name === 'manifest') return manifest
      return type === 'address' ? REGISTRY : 1
    })
    return service.encodeFunctionResult(method, method === 'parameters' ? [values] : [false, values])
  }

  const committed = () => stage.sent.filter(({ method }) => method === 'commitKey').length

  /** The members, as somebody has them whose keys all but the keeper's own are. */
  function invaded() {
    const keys = stage.frame.roster.map(() => generateEncryptionKey())
    const roster = stage.frame.roster.map((member, j) =>
      j === stage.frame.self ? member : { ...member, encryptionKey: keys[j]!.publicKey },
    )
    return { keys, says: { ...truth(), roster } }
  }

  it('the attack: one endpoint, believed, names keys of its own, and opens every share of what is dealt', async () => {
    const { keys, says } = invaded()
    told(says)
    expect(await keyCommit(stage.step())).to.equal('done')
    expect(committed()).to.equal(1)
    const { engine, self, context } = stage.frame
    const index = [...stage.blobs.values()].map((blob) => tryIndex(blob)).find((found) => found !== null)!
    const frame = frameOf(engine, { context, members: says.roster, crs: Buffer.from(SEED.slice(2), 'hex') }, self)
    for (const j of [0, 2, 3]) {
      const sealed = decodeSealedShare(frame, self, j, stage.blobs.get(index.sealed[j]!)!)
      const opened = openSealed(keys[j]!, sealed, sealedShareBinding(frame, self, j), (share) => share.length)
      expect(opened).to.equal(engine.plan.bytes.dealt)
    }
  })

  function tryIndex(blob: Uint8Array) {
    try {
      return decodeKeyIndex(blob, 4)
    } catch {
      return null
    }
  }

  it('hear nothing from a keeper whose manifest is not the one on the chain', async () => {
    told(truth(), null, truth())
    const parameters = await stage.context.contracts.service.parameters()
    const agreeing = manifestDigest(stage.context.manifest)
    const on = (manifest: string) =>
      Object.assign(stage.context, {
        contracts: {
          ...stage.context.contracts,
          service: {
            parameters: async () => ({ ...parameters, manifest }),
            pendingParameters: async () => [false, parameters],
          },
        },
        remembered: { reread: null, parameters: null, due: null, final: null },
      })
    on(`0x${'5a'.repeat(32)}`)
    // One endpoint alone ends no keeper, and is not dealt by.
    expect(await keyCommit(stage.step())).to.equal('again')
    expect([committed(), stage.blobs.size]).to.deep.equal([0, 0])
    manifest = `0x${'5a'.repeat(32)}`
    const error = await keyCommit(stage.step()).catch((caught: unknown) => caught)
    expect(error).to.have.property('code', 'WRONG_MANIFEST')
    expect((error as Error).message).to.contain(`this keeper's manifest is ${agreeing}, the service's is 0x5a5a`)
    expect([committed(), stage.blobs.size]).to.deep.equal([0, 0])
    on(agreeing)
    manifest = agreeing
    expect(await keyCommit(stage.step())).to.equal('done')
    expect(committed()).to.equal(1)
  })

  it('are those that two endpoints know', async () => {
    told(truth(), null, truth())
    expect(await keyCommit(stage.step())).to.equal('done')
    expect(committed()).to.equal(1)
    // Once dealt, the same is sent again without another question.
    told(truth(), null)
    expect(await keyCommit(stage.step())).to.equal('done')
  })

  it('are not believed to one endpoint: other keys, another member, another set or threshold', async () => {
    const { says } = invaded()
    const [first, ...rest] = stage.frame.roster
    const stranger = { ...first!, address: `0x${'99'.repeat(20)}` as const }
    const lies: Says[] = [
      says,
      { ...truth(), roster: [stranger, ...rest] },
      { ...truth(), threshold: 4 },
      // Another plan: everybody would find what this keeper deals false, and it would pay.
      { ...truth(), decryptions: truth().decryptions - 1n },
      { ...truth(), roster: rest, members: truth().members & (truth().members - 1n) },
    ]
    for (const lie of lies) {
      for (const other of [truth(), null]) {
        told(lie, other)
        expect(await keyCommit(stage.step())).to.equal('again')
      }
    }
    expect(committed()).to.equal(0)
    expect(stage.blobs.size).to.equal(0)
  })

  it('are dealt to only when the epoch has opened as deep as the chain may go back: nobody can commit anew', async () => {
    Object.assign(stage.context.config.chain, { confirmations: 3 })
    for (const others of [[], [truth()]]) {
      told(truth(), ...others)
      const { block } = stage.facts.at(-1)!
      for (const head of [block, block + 1]) {
        expect(await keyCommit(stage.step({ block: head }))).to.equal('again')
      }
      expect([committed(), stage.blobs.size]).to.deep.equal([0, 0])
    }
    const { block } = stage.facts.at(-1)!
    expect(await keyCommit(stage.step({ block: block + 2 }))).to.equal('done')
    expect(committed()).to.equal(1)
  })

  it('are asked for again: what was kept of a lie is not dealt to when the endpoint tells the truth', async () => {
    const { says } = invaded()
    told(says, truth())
    const lied = await stage.context.epochs.frame({} as never)
    told(truth(), truth())
    Object.assign(stage.context, { epochs: { frame: async () => lied } })
    expect(await keyCommit(stage.step())).to.equal('again')
    const lower = { ...stage.frame, plan: { ...stage.frame.plan, threshold: 2 } }
    Object.assign(stage.context, { epochs: { frame: async () => lower } })
    expect(await keyCommit(stage.step())).to.equal('again')
    expect(committed()).to.equal(0)
  })
})
