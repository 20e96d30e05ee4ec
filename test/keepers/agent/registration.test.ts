// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { type ParamType, ZeroAddress } from 'ethers'
import { registration } from '../../../keepers/agent/behaviours/registration.ts'
import { contractInterface } from '../../../keepers/chain/index.ts'
import { exampleManifest, manifestDigest } from '../../../keepers/versions/index.ts'
import { type RoundStage, roundStage } from './round-stage.ts'

/** What parameters of a type can be that are not a number. */
const ZEROS: Readonly<Record<string, string>> = { address: ZeroAddress }

describe('a keeper in Registration', () => {
  let stage: RoundStage
  let asked: number
  const own = exampleManifest('logistic')
  const other = manifestDigest(exampleManifest('mlp'))

  beforeEach(async () => {
    stage = await roundStage({ members: 4, threshold: 3, self: 1 })
    stage.snapshot = { ...stage.snapshot, state: 'Registration', due: false }
    asked = 0
    Object.assign(stage.context, { manifest: own })
  })
  afterEach(() => stage.close())

  const chainSays = (manifest: string): void => {
    const service = {
      parameters: async () => {
        asked += 1
        return { manifest }
      },
      pendingParameters: async () => [false, { manifest }],
    }
    Object.assign(stage.context, { contracts: { service } })
  }

  it('asks for the service`s manifest once, and again when the DAO has set parameters', async () => {
    chainSays(manifestDigest(own))
    expect(await registration(stage.step())).to.equal('again')
    expect(await registration(stage.step())).to.equal('again')
    expect(asked).to.equal(1)
    stage.tell('ParametersProposed', {})
    expect(await registration(stage.step())).to.equal('again')
    expect(asked).to.equal(2)
  })

  it('asks again when what was pending applies', async () => {
    const says = (current: string, pending: boolean) =>
      Object.assign(stage.context, {
        contracts: {
          service: {
            parameters: async () => ({ manifest: current }),
            pendingParameters: async () => [pending, { manifest: other }],
          },
        },
      })
    stage.tell('ParametersProposed', {})
    // The clock says Registration, nobody has recorded it: what is pending does not apply yet.
    says(manifestDigest(own), true)
    expect(await registration(stage.step({ due: true }))).to.equal('again')
    stage.tell('ParametersApplied', {})
    says(other, false)
    const error = await registration(stage.step()).catch((caught: unknown) => caught)
    expect(error).to.have.property('code', 'WRONG_MANIFEST')
  })

  describe('with two endpoints', () => {
    const iface = contractInterface('ILearningService')
    /** Parameters with this manifest, as an endpoint encodes them. */
    const answer = (method: string, manifest: string): string => {
      const [parameters] = iface.getFunction(method)!.outputs.slice(-1) as [ParamType]
      const zero = parameters.components!.map(({ name, type }) =>
        name === 'manifest' ? manifest : (ZEROS[type] ?? 0n),
      )
      return iface.encodeFunctionResult(method, method === 'parameters' ? [zero] : [false, zero])
    }
    let preferred: string[] = []
    const endpointsSay = (...manifests: (string | null)[]): void => {
      const everywhere = async (method: string, [{ data }]: [{ data: string }]) =>
        manifests.map((manifest, i) => {
          const endpoint = `e${i}`
          if (manifest === null) return { endpoint, reason: 'HTTP 502' }
          if (method === 'eth_getBlockByNumber') return { endpoint, result: { number: '0x1', timestamp: '0x0' } }
          return { endpoint, result: answer(iface.getFunction(data.slice(0, 10))!.name, manifest) }
        })
      preferred = []
      const prefer = (endpoint: string) => preferred.push(endpoint)
      Object.assign(stage.context, { endpoints: { count: manifests.length, everywhere, prefer } })
    }

    it('the word of one of them neither ends the keeper nor lets it go on', async () => {
      chainSays(other)
      for (const second of [manifestDigest(own), null]) {
        endpointsSay(other, second)
        expect(await registration(stage.step())).to.equal('again')
      }
      expect(stage.sent).to.deep.equal([])
      chainSays(manifestDigest(own))
      expect(await registration(stage.step())).to.equal('again')
    })

    it('one that two others contradict is left, for it would say the same for ever', async () => {
      chainSays(other)
      endpointsSay(other, manifestDigest(own), manifestDigest(own))
      expect(await registration(stage.step())).to.equal('again')
      expect(preferred).to.deep.equal(['e1'])
      endpointsSay(other, manifestDigest(own), null)
      expect(await registration(stage.step())).to.equal('again')
      expect(preferred).to.deep.equal([])
    })

    it('what both say ends it', async () => {
      chainSays(other)
      endpointsSay(other, other)
      const error = await registration(stage.step()).catch((caught: unknown) => caught)
      expect(error).to.have.property('code', 'WRONG_MANIFEST')
    })
  })

  it('goes no further when another manifest is the service`s, and ends with what to do', async () => {
    chainSays(manifestDigest(own))
    await registration(stage.step())
    stage.tell('ParametersProposed', {})
    chainSays(other)
    const error = await registration(stage.step()).catch((caught: unknown) => caught)
    expect(error).to.have.property('code', 'WRONG_MANIFEST')
    expect((error as Error).message)
      .to.contain(other)
      .and.to.match(/run `cohort keeper manifest`/)
    expect(stage.sent).to.deep.equal([])
  })
})
