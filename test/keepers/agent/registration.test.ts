// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { registration } from '../../../keepers/agent/behaviours/registration.ts'
import { exampleManifest, manifestDigest } from '../../../keepers/versions/index.ts'
import { type RoundStage, roundStage } from './round-stage.ts'

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

  it('FINDING: asks again when what was pending applies', async () => {
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

  it('FINDING: does not end the keeper for good on the word of one endpoint of two', async () => {
    const everywhere = async () => {
      throw new Error('never asked')
    }
    Object.assign(stage.context, { endpoints: { count: 2, everywhere } })
    chainSays(other)
    const error = await registration(stage.step()).catch((caught: unknown) => caught)
    expect(error).not.to.have.property('code', 'WRONG_MANIFEST')
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
