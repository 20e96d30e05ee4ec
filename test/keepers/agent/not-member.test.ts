// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { ZeroAddress } from 'ethers'
import { standingOf } from '../../../keepers/agent/assembly.ts'
import { KeeperMetrics } from '../../../keepers/agent/metrics.ts'
import { type Standing, whyNotMember } from '../../../keepers/agent/operations/not-member.ts'
import { contractInterface } from '../../../keepers/chain/index.ts'
import { exampleManifest, manifestDigest } from '../../../keepers/versions/index.ts'

const OPERATOR = '0x00000000000000000000000000000000000000Bb'
const OWNER = '0x00000000000000000000000000000000000000Aa'
const manifest = exampleManifest('logistic')
const config = { service: { manifest } } as Parameters<typeof whyNotMember>[1]

type Chain = { owner: string; jailedUntil: bigint; digest: string }
const usual: Chain = { owner: OWNER, jailedUntil: 0n, digest: manifestDigest(manifest) }

/** The questions that are asked of the two contracts, answered. */
function contracts(chain: Chain, count: () => void = () => undefined): Parameters<typeof whyNotMember>[0] {
  const digests = { manifest: chain.digest }
  return {
    service: { parameters: async () => digests, pendingParameters: async () => [false, digests] },
    registry: {
      ownerOfOperator: async () => {
        count()
        return chain.owner
      },
      keeperOf: async () => ({ jailedUntil: chain.jailedUntil }),
    },
  } as unknown as Parameters<typeof whyNotMember>[0]
}
const ask = async (chain: Partial<Chain>, standing: Partial<Standing> = {}): Promise<string> => {
  const place = { operator: OPERATOR, seat: 2, state: 'Training', ...standing }
  const { cause, text } = await whyNotMember(contracts({ ...usual, ...chain }), config, place)
  return `${cause}: ${text}`
}

describe('why a keeper is not a member', () => {
  it('says what to put right, the first thing first', async () => {
    const other = `0x${'12'.repeat(32)}`
    expect(await ask({ digest: other, owner: ZeroAddress })).to.match(
      /^manifest: .*service's is 0x1212.*cohort keeper manifest/,
    )
    expect(await ask({ owner: ZeroAddress, jailedUntil: 5n })).to.match(/^unregistered: .*not registered/)
    expect(await ask({ jailedUntil: 1_800_000_000n }, { seat: null })).to.match(
      /^jail: .*in jail until 2027-01-15.*unjail/,
    )
    expect(await ask({}, { seat: null })).to.match(/^seat: .*no seat/)
    expect(await ask({}, { state: 'Registration' })).to.match(/^opening: .*once that closes/)
    expect(await ask({})).to.match(/^excluded: .*becomes a member in the next one/)
  })

  it('says of a candidate that was not drawn that nothing is wrong, and of a keeper that is none what to do', async () => {
    const iface = contractInterface('ISortitionAdmission')
    const draw = [3, 1, 4, 12, 5, 5, 90, 1000, `0x${'0'.repeat(64)}`]
    const answering = (enlisted: boolean) => ({
      resolveName: async (name: string) => name,
      call: async ({ data }: { data: string }) =>
        data.startsWith(iface.getFunction('look')!.selector)
          ? iface.encodeFunctionResult('look', [[enlisted, false, false, false, false, false, 9, 2, 12, draw]])
          : `0x${'1'.padStart(64, '0')}`,
    })
    for (const [enlisted, said] of [
      [true, /^undrawn: .*one of 12 candidates, and draw 3 has given it no seat/],
      [false, /^seat: .*no candidate .*cohort keeper register/],
    ] as const) {
      const { service, registry } = contracts({ ...usual, owner: OWNER.toLowerCase() })
      const digests = { manifest: usual.digest, admission: OPERATOR.toLowerCase() }
      const drawing = { ...service, parameters: async () => digests, runner: { provider: answering(enlisted) } }
      const place = { operator: OPERATOR, seat: null, state: 'Training' }
      const { cause, text } = await whyNotMember({ service: drawing, registry } as never, config, place)
      expect(`${cause}: ${text}`).to.match(said)
    }
  })

  it('is asked of the chain once a minute, again when the state is another, and not by a member', async () => {
    let [asked, now] = [0, 0]
    const metrics = new KeeperMetrics({ process: false })
    const shown = async () =>
      [...(await metrics.registry.metrics()).matchAll(/^cohort_not_member\{cause="(\w+)"\} 1$/gm)].map(
        ([, cause]) => cause,
      )
    const loop = { isMember: false, seat: 2, snapshot: { epoch: 1, state: 'Training' } }
    const context = {
      contracts: contracts(usual, () => asked++),
      config,
      operator: OPERATOR,
      clock: { now: () => now },
      metrics,
    }
    const standing = standingOf(...([context, loop] as unknown as Parameters<typeof standingOf>))
    for (let i = 0; i < 20; i++) expect((await standing())?.text).to.match(/next one/)
    expect(await shown()).to.deep.equal(['excluded'])
    expect(asked).to.equal(1)
    now = 61_000
    await standing()
    expect(asked).to.equal(2)
    loop.snapshot.state = 'Registration'
    expect((await standing())?.text).to.match(/once that closes/)
    expect(await shown()).to.deep.equal(['opening'])
    loop.isMember = true
    expect(await standing()).to.equal(null)
    expect(await shown()).to.deep.equal([])
    expect(asked).to.equal(3)
  })

  it('is nothing while the chain does not answer', async () => {
    const silent = {
      ...{ config, operator: OPERATOR, clock: { now: () => 0 }, metrics: new KeeperMetrics({ process: false }) },
      contracts: { service: {}, registry: {} },
    }
    const loop = { isMember: false, seat: 2, snapshot: { epoch: 1, state: 'Training' } }
    const standing = standingOf(...([silent, loop] as unknown as Parameters<typeof standingOf>))
    expect(await standing()).to.equal(null)
  })
})
